#!/usr/bin/env bash
# What ARCHITECTURE.md names is there: each function as `name()`, each file and folder, each folder of src/ in its table.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

unknown=
while read -r name; do
	grep -rqE "\b$name\(" src rem-agent || unknown+="$name() "
done < <(grep -oE '\b[a-z_0-9]+\(\)' ARCHITECTURE.md | tr -d '()' | sort -u)
same "each function that ARCHITECTURE.md names exists" "$unknown" ""

# shellcheck disable=SC2016 # these backquotes are Markdown's
paths=$(grep -oE '`[a-zA-Z-]+/[a-zA-Z0-9_*/.-]*`' ARCHITECTURE.md | tr -d '`' | sort -u)

# A path is written from the top, or from src/; NAME_*.c stands for several.
missing=
while read -r path; do
	compgen -G "$path" >/dev/null || compgen -G "src/$path" >/dev/null || missing+="$path "
done <<<"$paths"
same "each file that ARCHITECTURE.md names exists" "$missing" ""

unlisted=
for folder in src/*/ tests/*/; do
	grep -qF "| \`${folder%/}\` |" ARCHITECTURE.md || unlisted+="$folder "
done
same "each folder has its row in ARCHITECTURE.md" "$unlisted" ""
finish
