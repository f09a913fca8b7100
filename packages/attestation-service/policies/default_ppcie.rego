# Appraisal of a protected-PCIe topology: the claim set exists only when eight GPUs and four switches have named each
# other as peers, so its presence is the statement. The devices themselves are appraised in their own submodules.
package policy

trust_claims := {
	"executables": 0,
	"hardware": 0,
	"configuration": 2,
}
