#!/usr/bin/env bash
# Brings skopeo of Debian 13, which knows key providers, to a machine with Debian 12, whose own does not. Nothing is installed: a few
# packages are unpacked into a folder of node_modules, and skopeo runs there with the libraries of its own release.
#
# They come from wherever this machine's apt takes Debian from, and are checked as apt checks all it takes: Debian's signature over the
# list of packages, the hashes of that list over each package. Neither root nor a change of apt's own files is needed.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cache=node_modules/.cache
folder=$cache/assay-debian-13
# skopeo, and whose libraries it loads; the last step sees whether any are missing.
packages=(skopeo libc6 libgpgme11t64 libassuan9 libgpg-error0 libsqlite3-0)

fail() { printf '%s: %s\n' "$0" "$1" >&2; exit 1; }

if [[ -x $folder/bin/skopeo ]]; then
  "$folder/bin/skopeo" --version
  exit 0
fi

mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Label: Debian' | sed -n 1p)"
[[ -n $mirror ]] || fail 'apt has no lists of Debian here: apt-get update'
[[ -r $keyring ]] || fail 'no keys of Debian here: apt-get install debian-archive-keyring'

work="$(mktemp -d)"
mkdir -p "$cache"
root="$(mktemp -d "$cache/assay-debian-13.XXXXXX")"
trap 'rm -rf "$work" "$root"' EXIT
# As root, apt downloads as a user of its own.
chmod 755 "$work" "$root"
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,packages}
if [[ "$(id -u)" -eq 0 ]] && getent passwd _apt >/dev/null; then chown _apt "$work/packages"; fi
: >"$work/status"
printf 'deb [signed-by=%s] %s trixie main\n' "$keyring" "$mirror" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "3";
// Whatever the machine's own settings allow.
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Update::Error-Mode "any";
// Hooks are for the machine's own lists.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
END
apt-get -c "$work/apt.conf" -q update
(cd "$work/packages" && apt-get -c "$work/apt.conf" -q download "${packages[@]}")
for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done

loaders=("$root"/usr/lib/*-linux-gnu*/ld-linux*.so.*)
[[ ${#loaders[@]} -eq 1 && -x ${loaders[0]} ]] || fail 'libc6 holds no loader, or several'
loader="${loaders[0]#"$root"/}"
mkdir "$root/bin"
cat >"$root/bin/skopeo" <<END
#!/bin/sh
root="\$(dirname "\$0")/.."
exec "\$root/$loader" --inhibit-cache --argv0 skopeo --library-path "\$root/${loader%/*}" "\$root/usr/bin/skopeo" "\$@"
END
chmod 755 "$root/bin/skopeo"

# Libraries of the machine itself would be another skopeo than Debian's.
foreign="$("${loaders[0]}" --inhibit-cache --library-path "${loaders[0]%/*}" --list "$root/usr/bin/skopeo" |
  grep -F '=>' | grep -vF "=> $root/" || true)"
[[ -z $foreign ]] || fail "skopeo needs more than ${packages[*]}: $foreign"
"$root/bin/skopeo" --version
mv -T "$root" "$folder"
