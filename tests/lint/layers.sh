#!/usr/bin/env bash
# A folder of src/ includes only itself and those before it; the certificate is independent; each library has one door; a
# file's own header comes first.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

order=(base http dns zone dnssec transfer steer tap serve report store conf feed predict load backtest models plan estimate certificate packing planner control api)

# Header, then the files that may include it (an extended regular expression).
doors=(
	'xxhash\.h'      'src/base/hash\.h'
	'openssl/'       'src/(base|dns|dnssec|transfer|serve)/'
	'cjson/'         'src/base/json\.h'
	'urcu'           'src/base/rcu\.h'
	'curl/'          'src/http/'
	'ldns/'          'src/(zone|dnssec)/'
	'maxminddb\.h'   'src/steer/geo\.c'
	'sqlite3\.h'     'src/store/'
	'yaml\.h'        'src/conf/'
	'libsvm/'        'src/predict/'
	'coin/'          'src/planner/lp\.c'
	'microhttpd\.h'  'src/api/'
	'zlib\.h'        'src/base/deflate\.c'
	'expat\.h'       'src/feed/cap_xml\.c'
	'fstrm'          'src/tap/dnstap_stream\.c'
	'protobuf-c'     'src/tap/'
	'uv\.h'          '(src/(http|serve|control)|rem-agent)/'
)

rank_of() {	# FOLDER; programs come after every folder
	local i
	for i in "${!order[@]}"; do
		if [ "${order[i]}" = "$1" ]; then
			echo "$i"
			return
		fi
	done
	echo 99
}

includes() {	# prints FILE:LINE:HEADER
	grep -rHnE --include='*.[ch]' '^#[[:space:]]*include' "$@" |
		sed -E 's/^([^:]*:[0-9]*):#[[:space:]]*include[[:space:]]*[<"]([^>"]*)[>"].*/\1:\2/'
}

wrong=
while IFS=: read -r file line header; do
	folder=${file#src/}
	folder=${folder%%/*}
	target=${header%%/*}
	[ "$target" = "$header" ] && continue
	[ -d "src/$target" ] || continue
	if [ "$(rank_of "$target")" -gt "$(rank_of "$folder")" ]; then
		wrong+="$file:$line: $folder includes $header, which comes after it"$'\n'
	fi
done < <(includes src)
same "folders include only those before them" "$wrong" ""

# The certificate shares nothing with the code whose plans it judges, and none of the makers rests on it.
wrong=$(includes src/certificate | grep -E ':(estimate|packing|planner|predict|load|backtest|models|control|api)/')
wrong+=$(includes src/estimate src/packing src/planner | grep -E ':certificate/')
same "the certificate is independent" "$wrong" ""

wrong=
for ((i = 0; i < ${#doors[@]}; i += 2)); do
	wrong+=$(includes src rem-agent | grep -E "^[^:]*:[0-9]*:${doors[i]}" | grep -vE "^${doors[i + 1]}")
done
same "each library has one door" "$wrong" ""

wrong=
while read -r file; do
	own=${file%.c}.h
	[ -f "$own" ] || continue
	first=$(includes "$file" | head -n 1)
	[ "${first##*:}" = "${own#src/}" ] || [ "${first##*:}" = "${own#rem-agent/}" ] || wrong+="$file: its own header isn't the first"$'\n'
done < <(find src rem-agent -name '*.c' 2>/dev/null | sort)
same "a file's own header comes first" "$wrong" ""

finish
