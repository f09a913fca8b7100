// Made from policies/*.rego by scripts/embed-policies.ts; a test compares the two.

/** Policies that are stored at the first start, by their stored id. */
export const DEFAULT_POLICIES: { readonly [id: string]: string } = {
  default_cpu: `# Appraisal of CPU evidence.
#
# Every claim of the trustworthiness vector starts at a value that says "not recognised" and improves only when the
# evidence equals what the owner registered as reference values. A platform without rules stays contraindicated.
#
# The numbers are those of AR4SI: 2 affirmed by the strictest rule, 3 and 4 by a weaker one, 33, 36 and 97 not recognised.
# A reference value that is not registered is null: \`x in null\` does not hold, and null is excluded before \`>=\` is asked.
package policy

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
}

# Emulated hardware says so in its claims. It proves nothing, so no rule below calls it genuine; a policy for development
# leaves these lines out. Whatever the TEE: rules that an owner adds for another one can ask \`not emulated\` too.
emulated if {
	some claims in input
	claims.emulated == true
}

# --- sample: no hardware at all, for tests ---

executables := 3 if {
	input.sample.launch_digest in query_reference_value("launch_digest")
}

hardware := 2 if {
	input.sample.svn in query_reference_value("svn")
	input.sample.platform_version.major == query_reference_value("major_version")
	least_minor := query_reference_value("minimum_minor_version")
	least_minor != null
	input.sample.platform_version.minor >= least_minor
}

configuration := 2 if {
	input.sample.debug == false
}

# --- AMD SEV-SNP ---

executables := 3 if {
	input.snp.measurement in query_reference_value("snp_launch_measurement")
}

hardware := 2 if {
	not emulated
	input.snp.reported_tcb_bootloader in query_reference_value("snp_bootloader")
	input.snp.reported_tcb_microcode in query_reference_value("snp_microcode")
	input.snp.reported_tcb_snp in query_reference_value("snp_snp_svn")
	input.snp.reported_tcb_tee in query_reference_value("snp_tee_svn")
}

configuration := 2 if {
	input.snp.policy_debug_allowed == false
	input.snp.policy_migrate_ma == false
	input.snp.platform_smt_enabled == query_reference_value("snp_smt_enabled")
	input.snp.platform_tsme_enabled == query_reference_value("snp_tsme_enabled")
	input.snp.policy_abi_major == query_reference_value("snp_guest_abi_major")
	input.snp.policy_abi_minor == query_reference_value("snp_guest_abi_minor")
	input.snp.policy_single_socket == query_reference_value("snp_single_socket")
	input.snp.policy_smt_allowed == query_reference_value("snp_smt_allowed")
} else := 3 if {
	input.snp.policy_debug_allowed == false
	input.snp.policy_migrate_ma == false
}

# --- Intel TDX ---

# A kernel that the firmware boots itself is named by its events; one that GRUB loads is in the registers alone.
executables := 3 if {
	input.tdx.quote.body.rtmr_1 in query_reference_value("rtmr_1")
	input.tdx.quote.body.rtmr_2 in query_reference_value("rtmr_2")
	tdx_kernel_registered
	tdx_parameters_registered
} else := 4 if {
	input.tdx.quote.body.rtmr_1 in query_reference_value("rtmr_1")
	input.tdx.quote.body.rtmr_2 in query_reference_value("rtmr_2")
}

# One digest each, registered as a bare text: the values are compared with \`==\`.
tdx_kernel_registered if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EFI_BOOT_SERVICES_APPLICATION"
	"File(kernel)" in event.details.device_paths
	some entry in event.digests
	entry.digest == query_reference_value("tdvfkernel")
}

tdx_parameters_registered if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EVENT_TAG"
	event.details.string == "LOADED_IMAGE::LoadOptions"
	some entry in event.digests
	entry.digest == query_reference_value("tdvfkernelparams")
}

hardware := 2 if {
	not emulated
	input.tdx.quote.header.tee_type == "81000000"
	input.tdx.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.tdx.quote.body.mr_td in query_reference_value("mr_td")
	input.tdx.tcb_status == "UpToDate"
	input.tdx.collateral_expiration_status == "0"
}

configuration := 2 if {
	input.tdx.td_attributes.debug == false
	input.tdx.quote.body.xfam in query_reference_value("xfam")
}

# --- Azure vTPM over SEV-SNP: claims are texts ---

executables := 3 if {
	input["az-snp-vtpm"].measurement in query_reference_value("measurement")
	input["az-snp-vtpm"].tpm.pcr11 in query_reference_value("snp_pcr11")
}

hardware := 2 if {
	input["az-snp-vtpm"].reported_tcb_bootloader in query_reference_value("tcb_bootloader")
	input["az-snp-vtpm"].reported_tcb_microcode in query_reference_value("tcb_microcode")
	input["az-snp-vtpm"].reported_tcb_snp in query_reference_value("tcb_snp")
	input["az-snp-vtpm"].reported_tcb_tee in query_reference_value("tcb_tee")
}

configuration := 2 if {
	input["az-snp-vtpm"].platform_smt_enabled in query_reference_value("smt_enabled")
	input["az-snp-vtpm"].platform_tsme_enabled in query_reference_value("tsme_enabled")
	input["az-snp-vtpm"].policy_abi_major in query_reference_value("abi_major")
	input["az-snp-vtpm"].policy_abi_minor in query_reference_value("abi_minor")
	input["az-snp-vtpm"].policy_single_socket in query_reference_value("single_socket")
	input["az-snp-vtpm"].policy_smt_allowed in query_reference_value("smt_allowed")
}

# --- Azure vTPM over TDX ---

executables := 3 if {
	input["az-tdx-vtpm"].tpm.pcr11 in query_reference_value("tdx_pcr11")
}

hardware := 2 if {
	input["az-tdx-vtpm"].quote.header.tee_type == "81000000"
	input["az-tdx-vtpm"].quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input["az-tdx-vtpm"].quote.body.mr_td in query_reference_value("mr_td")
	input["az-tdx-vtpm"].tcb_status == "UpToDate"
}

configuration := 2 if {
	input["az-tdx-vtpm"].quote.body.xfam in query_reference_value("xfam")
}

# --- TPM alone: a quote says nothing about the machine's configuration ---

executables := 3 if {
	input.tpm.pcr11 in query_reference_value("tpm_pcr11")
	input.tpm.ak_public in query_reference_value("trusted_aks")
}

hardware := 2 if input.tpm

configuration := 0 if input.tpm

# --- IBM Secure Execution: the verifier has compared the image already; harden this for your images ---

executables := 3 if input.se

hardware := 2 if input.se

configuration := 2 if input.se

# --- identifiers that resource policies may rely on, out of verified init-data ---

extensions := [{
	"name": "ear.trustee.identifiers",
	"key": -18,
	"value": {"validated": object.union(images, users)},
}]

containers := input.init_data_claims.agent_policy_claims.containers

container_images := [image |
	some container in containers
	image := container.OCI.Annotations["io.kubernetes.cri.image-name"]
]

container_uids := [uid |
	some container in containers
	uid := container.OCI.Process.User.UID
]

default images := {}

images := {"container_images": container_images} if count(container_images) > 0

default users := {}

users := {"container_uids": container_uids} if count(container_uids) > 0
`,
  default_gpu: `# Appraisal of GPU evidence.
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
`,
  default_ppcie: `# Appraisal of a protected-PCIe topology: the claim set exists only when eight GPUs and four switches have named each
# other as peers, so its presence is the statement. The devices themselves are appraised in their own submodules.
package policy

trust_claims := {
	"executables": 0,
	"hardware": 0,
	"configuration": 2,
}
`,
  default_switch: `# Appraisal of NVSwitch evidence, by the claims of NVIDIA's remote attestation service (claims version 3).
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
`,
};
