// Made by scripts/embed-policies.mjs from policies/*.rego. Change those.
/** Resource policies that come with the service, by name. */
export const POLICY_TEXTS = {
  affirming: `# Secrets go to guests of which every part (CPU and each device) is appraised as affirming: the attestation policies
# found hardware, configuration and software as the reference values say.
package policy

default allow := false

allow if {
	count(input.submods) > 0
	every submod in input.submods {
		submod["ear.status"] == "affirming"
	}
}
`,
  allow_all: `# Every attested guest may have every secret, whatever it attested: for tests only.
package policy

default allow := false

allow if data.plugin == "resource"
`,
  default: `# The default resource policy: secrets go to guests whose evidence comes from hardware.
#
# Evidence of the sample TEE proves nothing, and neither does that of an emulated TEE, so both are refused. Which hardware,
# firmware and software a guest must run is not asked here: see affirming.rego, or write a policy that reads input.submods.
package policy

default allow := false

allow if {
	data.plugin == "resource"
	not sample
	not emulated
}

cpu := input.submods.cpu0["ear.veraison.annotated-evidence"]

sample if "sample" in object.keys(cpu)

emulated if {
	some submod in input.submods
	some claims in submod["ear.veraison.annotated-evidence"]
	is_object(claims)
	claims.emulated == true
}
`,
  deny_all: `# Nobody may have any secret.
package policy

default allow := false
`,
} as const;
