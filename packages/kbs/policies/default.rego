# The default resource policy: secrets go to guests whose evidence comes from hardware.
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
