#!/usr/bin/env bash
# tests/daemon/isobard.sh -- isobard from outside: its options, a folder without a store, a store of its own, signals, and
# what it says when it can't start.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

isobard=$ISOBAR_BUILD/src/isobard

main() {
	world_open
	options
	check_config
	bad_options
	folder
	folder_addresses
	folder_reload
	folder_broken
	port_taken
	store
	store_taken
	store_killed
	store_strange
	pae
	finish
}

# ---- helpers ---------------------------------------------------------------------------------------------------------

# Sets status and said: what it prints on both outputs.
run() {	# ARGUMENTS
	said=$(timeout 20 "$isobard" "$@" 2>&1)
	status=$?
}

# The same, in one case: its status, and each text is said.
refuses() {	# NAME STATUS TEXTS... -- ARGUMENTS
	local name=$1 expected=$2 text missing=
	local texts=()
	shift 2
	while [ "$1" != -- ]; do
		texts+=("$1")
		shift
	done
	shift
	run "$@"
	for text in "${texts[@]}"; do
		grep -qF -- "$text" <<<"$said" || missing+=" '$text'"
	done
	same "$name" "$status${missing:+, not said:$missing, but: $said}" "$expected"
}

# Until it answers; sets port to that of its first address.
start() {	# NAME ARGUMENTS
	local name=$1
	: >"$world/log/$1"
	shift
	world_start "$name" "$isobard" "$@"
	world_await 20 listening "$name" || return 1
	port=$(listening "$name" | head -n 1)
	port=${port##*@}
}

listening() {	# NAME; its addresses with ports
	grep -o 'answering on .*' "$world/log/$1" | cut -d ' ' -f 3 | grep .
}

ask() {	# PORT NAME TYPE [OPTIONS]; "RCODE DATA..."
	local port=$1
	shift
	dig "@${server-127.0.0.1}" -p "$port" +tries=2 +time=2 +nocookie "$@" | awk '
		/status:/ { sub(",", "", $6); printf "%s", $6 }
		/^[^;]/ && $4 != "SOA" && $4 != "NS" { printf " %s", $5 }'
}

zone() {	# ADDRESS; of the name www
	printf '\x24TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN A %s\n' "$1"
}

settings() {	# NAME [FURTHER LINES]
	mkdir -p "$world/$1"
	cat >"$world/$1/isobar.yaml" <<-END
		listen: [127.0.0.1@0]
		zones: $world/zones
		store: ${store-$world/$1/isobar.db}
		models: $ISOBAR_SOURCE/models
		api: {socket: $world/$1/api.sock}
		${2-}
	END
}

# ---- options ---------------------------------------------------------------------------------------------------------

options() {
	local option
	for option in --version -V; do
		run $option
		same "$option" "$status ${said% *}" "0 isobard"
	done
	for option in --help -h; do
		run $option
		same "$option" "$status ${said%% *}" "0 usage:"
	done
	refuses "an option that isn't there" 2 usage: -- --nonsense
	refuses "an option without its value" 2 usage: -- --zones
	refuses "an argument too many" 2 "unexpected argument 'more'" usage: -- --check-config more
}

check_config() {
	settings good "workers: 2"
	run --check-config -c "$world/good/isobar.yaml"
	same "good settings" "$status$said" 0
	same "nothing was made of them" "$(ls "$world/good")" isobar.yaml
	printf 'listen: [127.0.0.1@99999]\nworker: 3\nstore: 5\nlog: loud\n' >"$world/bad.yaml"
	refuses "bad settings: every error with its line" 1 bad.yaml:1: bad.yaml:2: "did you mean 'workers'" bad.yaml:4: \
		-- --check-config -c "$world/bad.yaml"
	refuses "bad settings: they don't start either" 1 bad.yaml:1: bad.yaml:4: -- -c "$world/bad.yaml"
	refuses "settings that aren't there" 1 "$world/nothing.yaml: can't be read: No such file" -- -c "$world/nothing.yaml"
	refuses "settings that are a folder" 1 "$world: can't be read: Is a directory" -- -c "$world"
}

bad_options() {
	refuses "bad values of options: all of them" 1 "'many'" "'nowhere@53'" "'127.0.0.1@x'" \
		-- --zones "$world" --workers many --listen nowhere@53 --listen 127.0.0.1@x
	refuses "no workers" 1 "'0' is not a whole number from 1 to 256" -- --zones "$world" --workers 0
}

# ---- a folder --------------------------------------------------------------------------------------------------------

folder() {
	mkdir "$world/zones" "$world/zones/sub.example"
	zone 192.0.2.1 >"$world/zones/gtm.example.zone"
	zone 192.0.2.2 >"$world/zones/lab.gtm.example"
	zone 192.0.2.3 >"$world/zones/example.org"
	echo "nothing of ours" >"$world/zones/README.md"
	holds "a folder is served without settings" start folder --zones "$world/zones" --listen 127.0.0.1@0 --workers 2
	same "a file named with .zone" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	same "a file named without it, and a zone within another" "$(ask "$port" www.lab.gtm.example A)" "NOERROR 192.0.2.2"
	same "a name of the inner zone isn't looked for in the outer" "$(ask "$port" nope.lab.gtm.example A)" NXDOMAIN
	same "another zone" "$(ask "$port" www.example.org A)" "NOERROR 192.0.2.3"
	same "nothing else" "$(ask "$port" www.sub.example A)" REFUSED
	same "by TCP" "$(ask "$port" www.gtm.example A +tcp)" "NOERROR 192.0.2.1"
	same "no store, no socket" "$(cd "$world/zones" && shopt -s dotglob && printf '%s ' *)" \
		"README.md example.org gtm.example.zone lab.gtm.example sub.example "
	ends folder TERM
	start folder --zones "$world/zones" --listen 127.0.0.1@0
	ends folder INT
}

ends() {	# NAME SIGNAL
	local began
	began=$(date +%s%3N)
	world_stop "$1" "$2"
	same "SIG$2 ends $1 with status 0" $? 0
	holds "SIG$2 ends $1 within a second" test $(($(date +%s%3N) - began)) -lt 1000
}

folder_addresses() {
	local addresses
	start addresses --zones "$world/zones" --listen 127.0.0.1@0 --listen 127.0.0.2@0 --listen ::1@0
	world_await 10 test "$(listening addresses | wc -l)" = 3
	addresses=$(listening addresses)
	same "each address is listened on" "$(cut -d @ -f 1 <<<"$addresses" | tr '\n' ' ')" "127.0.0.1 127.0.0.2 ::1 "
	for address in $addresses; do
		same "an answer at ${address%@*} by UDP" "$(server=${address%@*} ask "${address#*@}" www.gtm.example A)" \
			"NOERROR 192.0.2.1"
		same "an answer at ${address%@*} by TCP" "$(server=${address%@*} ask "${address#*@}" www.gtm.example A +tcp)" \
			"NOERROR 192.0.2.1"
	done
	world_stop addresses
}

folder_reload() {
	start reload --zones "$world/zones" --listen 127.0.0.1@0
	same "before" "$(ask "$port" www.new.example A)" REFUSED
	zone 192.0.2.4 >"$world/zones/new.example"
	kill -HUP "${world_pids[reload]}"
	holds "SIGHUP reads the folder again" world_await 10 answer_is "$port" www.new.example "NOERROR 192.0.2.4"
	zone 192.0.2.5 >"$world/zones/new.example"
	echo "www IN A nonsense" >>"$world/zones/new.example"
	printf 'region: {}\n' >"$world/zones/steering.yaml"
	kill -HUP "${world_pids[reload]}"
	holds "errors are told" world_await 10 grep -q "the folder was refused" "$world/log/reload"
	same "all of them" "$(grep -o 'new.example:6:\|steering.yaml:1:' "$world/log/reload" | tr '\n' ' ')" \
		"new.example:6: steering.yaml:1: "
	same "and nothing has changed" "$(ask "$port" www.new.example A)" "NOERROR 192.0.2.4"
	rm "$world/zones/steering.yaml" "$world/zones/new.example"
	kill -HUP "${world_pids[reload]}"
	holds "in order again: what is gone is gone" world_await 10 answer_is "$port" www.new.example REFUSED
	world_stop reload
}

answer_is() {	# PORT NAME ANSWER
	[ "$(ask "$1" "$2" A)" = "$3" ]
}

folder_broken() {
	mkdir "$world/broken"
	zone 192.0.2.1 >"$world/broken/twice.example"
	zone 192.0.2.2 >"$world/broken/twice.example.zone"
	echo "@ IN SOA" >"$world/broken/short.example"
	printf 'a\0b' >"$world/broken/nul.example"
	ln -s /nonexistent "$world/broken/gone.example"
	printf 'services: {www.gone.example: {sharding-policy: best}}\n' >"$world/broken/steering.yaml"
	refuses "a broken folder: every error in one run" 1 "are both the zone twice.example." short.example:1: \
		"nul.example: holds a NUL octet" "gone.example: can't be read" steering.yaml:1: -- \
		--zones "$world/broken" --listen 127.0.0.1@0
	refuses "a folder that isn't there" 1 "$world/nothing: can't be read: No such file" -- --zones "$world/nothing"
	mkdir "$world/empty"
	holds "an empty folder is served" start empty --zones "$world/empty" --listen 127.0.0.1@0
	same "with nothing in it" "$(ask "$port" www.gtm.example A)" REFUSED
	world_stop empty
}

port_taken() {
	start first --zones "$world/zones" --listen 127.0.0.1@0
	refuses "a port that is taken" 1 "can't listen on 127.0.0.1@$port" "Address already in use" -- \
		--zones "$world/zones" --listen "127.0.0.1@$port"
	refuses "an address that isn't ours" 1 "can't listen on 192.0.2.1@5353" -- \
		--zones "$world/zones" --listen 192.0.2.1@5353
	same "the first one answers on" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	world_stop first
}

# ---- a store ---------------------------------------------------------------------------------------------------------

store() {
	settings one "pae: external"
	holds "a store is made and filled from the folder" start one -c "$world/one/isobar.yaml"
	same "it answers" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	mv "$world/zones" "$world/away"
	ends one TERM
	same "the API's socket is gone" "$(ls "$world/one/api.sock" 2>/dev/null)" ""
	holds "it starts again without the folder" start one -c "$world/one/isobar.yaml"
	same "and answers from the store" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	mv "$world/away" "$world/zones"
}

store_taken() {
	store=$world/one/isobar.db settings two "pae: external"
	refuses "a second daemon on the same store" 1 "$world/one/isobar.db: another isobard has it in use" -- \
		-c "$world/two/isobar.yaml"
	same "the first one answers on" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
}

store_killed() {
	world_stop one KILL
	holds "killed: it starts again, whatever it left behind" start one -c "$world/one/isobar.yaml"
	same "and answers" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	world_stop one
}

store_strange() {
	settings strange "pae: external"
	echo "these are no pages of a database, but a note that somebody left" >"$world/strange/isobar.db"
	refuses "a file that is no store" 1 "$world/strange/isobar.db" -- -c "$world/strange/isobar.yaml"
	same "is left as it was" "$(cat "$world/strange/isobar.db")" \
		"these are no pages of a database, but a note that somebody left"
	settings newer "pae: external"
	cp "$world/one/isobar.db" "$world/newer/isobar.db"
	sqlite3 "$world/newer/isobar.db" "PRAGMA user_version = 1000"
	refuses "a store of a newer version" 1 newer -- -c "$world/newer/isobar.yaml"
	store=$world/none/isobar.db settings nowhere "pae: external"
	refuses "a store in a folder that isn't there" 1 "$world/none/isobar.db: No such file" -- \
		-c "$world/nowhere/isobar.yaml"
}

# ---- isobar-pae ------------------------------------------------------------------------------------------------------

pae() {
	local child
	settings pae
	start pae -c "$world/pae/isobar.yaml"
	holds "isobar-pae is started" world_await 10 pae_pid
	child=$(pae_pid)
	kill -KILL "$child"
	holds "killed: it's started again" world_await 10 pae_other "$child"
	same "meanwhile answers go on" "$(ask "$port" www.gtm.example A)" "NOERROR 192.0.2.1"
	child=$(pae_pid)
	ends pae TERM
	holds "isobar-pae ends with it" world_await 5 gone "$child"
	start pae -c "$world/pae/isobar.yaml"
	world_await 10 pae_pid
	child=$(pae_pid)
	world_stop pae KILL
	holds "isobar-pae ends when isobard is killed" world_await 10 gone "$child"
}

pae_pid() {	# of the child of ours
	local children
	read -r children <"/proc/${world_pids[pae]}/task/${world_pids[pae]}/children"
	[ -n "$children" ] && echo "${children%% *}"
}

pae_other() {	# PID
	local now
	now=$(pae_pid) && [ "$now" != "$1" ]
}

gone() {	# PID
	! kill -0 "$1" 2>/dev/null
}

main
