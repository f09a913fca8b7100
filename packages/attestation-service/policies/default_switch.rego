# Appraisal of NVSwitch evidence, by the claims of NVIDIA's remote attestation service (claims version 3).
package policy

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
}

# An emulated device, or an emulated service, says so in its claims. It proves nothing.
emulated if input.nvidia.emulated == true

report_chain := input.nvidia["x-nvidia-switch-attestation-report-cert-chain"]

bios_chain := input.nvidia["x-nvidia-switch-bios-rim-cert-chain"]

hardware := 2 if {
	not emulated
	report_chain["x-nvidia-cert-status"] == "valid"
	report_chain["x-nvidia-cert-ocsp-status"] == "good"
	input.nvidia["x-nvidia-switch-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-switch-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-switch-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-switch-arch-check"] == true
}

configuration := 2 if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
	input.nvidia["x-nvidia-switch-bios-version"] in query_reference_value("allowed_switch_bios_versions")
} else := 3 if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
}

executables := 3 if {
	input.nvidia["x-nvidia-switch-bios-rim-fetched"] == true
	input.nvidia["x-nvidia-switch-bios-rim-schema-validated"] == true
	input.nvidia["x-nvidia-switch-bios-rim-signature-verified"] == true
	input.nvidia["x-nvidia-switch-bios-rim-version-match"] == true
	input.nvidia["x-nvidia-switch-bios-rim-measurements-available"] == true
	bios_chain["x-nvidia-cert-status"] == "valid"
	bios_chain["x-nvidia-cert-ocsp-status"] == "good"
	input.nvidia.measres == "success"
}
