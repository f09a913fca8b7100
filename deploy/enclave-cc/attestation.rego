# Agent enclaves of enclave-cc.
#
# One build is the agent of every pod and the runtime of every application: MRENCLAVE names the runtime, not the workload.
# What a workload may be is decided by the image policy and the keys that the key broker releases to it.
package policy

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
}

body := input.sgx.body

executables := 3 if {
	body.mr_enclave in query_reference_value("enclave_cc_mr_enclave")
	body.mr_signer in query_reference_value("enclave_cc_mr_signer")
	body.isv_prod_id in query_reference_value("enclave_cc_isv_prod_id")
	least := query_reference_value("enclave_cc_minimum_isv_svn")
	is_number(least)
	isv_svn >= least
}

hardware := 2 if {
	not emulated
	input.sgx.tcb_status == "UpToDate"
	input.sgx.collateral_expiration_status == "0"
}

# ATTRIBUTES.DEBUG is bit 1 of the first byte: the host could read the enclave's memory.
configuration := 2 if {
	flags := body["attributes.flags"]
	regex.match(`^[0-9a-f]{16}$`, flags)
	substring(flags, 1, 1) in {"0", "1", "4", "5", "8", "9", "c", "d"}
}

# Two bytes in hex, the lower one first.
isv_svn := (((16 * digit(0)) + digit(1)) + (4096 * digit(2))) + (256 * digit(3)) if {
	regex.match(`^[0-9a-f]{4}$`, body.isv_svn)
}

digit(place) := indexof("0123456789abcdef", substring(body.isv_svn, place, 1))

emulated if {
	some claims in input
	claims.emulated == true
}
