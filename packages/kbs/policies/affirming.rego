# Secrets go to guests of which every part (CPU and each device) is appraised as affirming: the attestation policies
# found hardware, configuration and software as the reference values say.
package policy

default allow := false

allow if {
	count(input.submods) > 0
	every submod in input.submods {
		submod["ear.status"] == "affirming"
	}
}
