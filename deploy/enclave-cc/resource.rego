# Resources for agent enclaves of enclave-cc: the verdict of the attestation policy decides, not the host's configuration.
package policy

default allow := false

allow if {
	data.plugin == "resource"
	enclave := input.submods.cpu0["ear.veraison.annotated-evidence"].sgx
	enclave.body.mr_enclave != ""
	every submod in input.submods { submod["ear.status"] == "affirming" }
}
