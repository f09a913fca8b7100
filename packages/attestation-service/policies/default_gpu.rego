# Appraisal of GPU evidence.
#
# The rules read the claims that NVIDIA's remote attestation service publishes (claims version 3). Claims of local
# verification have other names and are not recognised here.
package policy

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
}

# --- sample device: no hardware at all, for tests; accepted only as far as its version is registered ---

hardware := 2 if {
	input.sampledevice.svn in query_reference_value("device_svn")
}

# --- NVIDIA ---

# An emulated device, or an emulated service, says so in its claims. It proves nothing.
emulated if input.nvidia.emulated == true

report_chain := input.nvidia["x-nvidia-gpu-attestation-report-cert-chain"]

vbios_chain := input.nvidia["x-nvidia-gpu-vbios-rim-cert-chain"]

hardware := 2 if {
	not emulated
	report_chain["x-nvidia-cert-status"] == "valid"
	report_chain["x-nvidia-cert-ocsp-status"] == "good"
	input.nvidia["x-nvidia-gpu-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-arch-check"] == true
}

configuration := 2 if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
	input.nvidia["x-nvidia-gpu-vbios-version"] in query_reference_value("allowed_vbios_versions")
	input.nvidia["x-nvidia-gpu-driver-version"] in query_reference_value("allowed_driver_versions")
} else := 3 if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
}

executables := 3 if {
	input.nvidia["x-nvidia-gpu-driver-rim-fetched"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-schema-validated"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-version-match"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-measurements-available"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-fetched"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-schema-validated"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-version-match"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-measurements-available"] == true
	vbios_chain["x-nvidia-cert-status"] == "valid"
	vbios_chain["x-nvidia-cert-ocsp-status"] == "good"
	input.nvidia.measres == "success"
}
