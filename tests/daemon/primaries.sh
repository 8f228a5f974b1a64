#!/usr/bin/env bash
# NSD, Knot and BIND as hidden primaries of isobard: zones come by AXFR and IXFR, with TSIG and by TLS, when NOTIFY, a
# timer or an operator says so, and then are record for record what the primary has; what a primary that lies sends
# isn't served; zones expire, and outlive a restart.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

declare -A ports tls_ports

main() {
	world_open
	world_prepare
	for peer in nsd knot bind liar; do
		world_port && ports[$peer]=$REPLY
		world_port && tls_ports[$peer]=$REPLY
	done
	keys
	certificates
	zone_files
	steering
	world_settings="pae: external
tsig-keys:
  in.key: {secret-file: $world/in.key}
  strong.key: {algorithm: hmac-sha512, secret-file: $world/strong.key}"
	holds "isobard gets ready" world_isobard
	before_they_come
	nsd_primary
	knot_primary
	bind_primary
	they_come
	they_change
	not_edited_here
	whole
	served_here
	refused
	liars
	alone
	finish
}

keys() {
	(
		umask 077
		tsig-keygen -a hmac-sha256 in.key >"$world/in.key"
		tsig-keygen -a hmac-sha512 strong.key >"$world/strong.key"
	)
	cp "$world/in.key" "$world/in.key.bind"
	secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/in.key")
	strong=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/strong.key")
}

certificates() {	# one authority, and a certificate of it for all primaries
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
		-keyout "$world/ca-key.pem" -out "$world/ca.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=primary.test \
		-keyout "$world/key.pem" -out "$world/request.pem" 2>/dev/null
	openssl x509 -req -in "$world/request.pem" -CA "$world/ca.pem" -CAkey "$world/ca-key.pem" -days 2 \
		-extfile <(echo subjectAltName=DNS:primary.test) -out "$world/cert.pem" 2>/dev/null
	pin=$(openssl x509 -in "$world/cert.pem" -noout -pubkey | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64 -w 0)
}

# ---- zones -----------------------------------------------------------------------------------------------------------

zones=(plain.nsd keyed.nsd tls.nsd plain.knot keyed.knot tls.knot pinned.knot nsec.knot nsec3.knot plain.bind keyed.bind
	tls.bind)

zone_files() {
	local zone
	mkdir -p "$world"/{nsd,knot,bind}
	for zone in "${zones[@]}"; do
		zone_file "$zone" 1 >"$world/${zone#*.}/$zone.zone"
	done
}

zone_file() {	# ZONE SERIAL [RECORD...]
	local zone=$1 serial=$2 i
	cat <<-END
		\$ORIGIN $zone.test.
		\$TTL 300
		@ SOA ns1 hostmaster ( $serial 3600 600 86400 60 )
		@ NS ns1
		@ MX 10 mail
		ns1 A 192.0.2.1
		mail AAAA 2001:db8::25
		www A 192.0.2.80
		www TXT "a \\"quoted\\" text" "and another"
		alias CNAME www
		*.wild A 192.0.2.99
		sub NS ns.sub
		ns.sub A 192.0.2.53
		_sip._tcp SRV 0 5 5060 mail
		caa CAA 0 issue "ca.example.net"
		unknown TYPE65280 \\# 4 0a000001
		naptr NAPTR 100 10 "U" "E2U+sip" "!^.*\$!sip:info@example.com!" .
		svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.80
		dname DNAME www
	END
	for ((i = 0; i < 300; i++)); do
		echo "host$i A 198.51.100.$((i % 250))"
	done
	shift 2
	for record; do
		echo "$record"
	done
}

steering() {
	local zone peer
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	echo "zones:" >>"$world/zones/steering.yaml"
	for zone in "${zones[@]}"; do
		peer=${zone#*.}
		echo "  $zone.test:"
		case $zone in	# plain ones and those with a key wait for NOTIFY
		plain.* | keyed.*) ;;
		*) echo "    refresh-max-interval: 2s" ;;
		esac
		echo "    retry-max-interval: 1s"
		echo "    transfer: [{from: [127.0.0.1/32]}]"
		case $zone in
		plain.*) echo "    primaries: [127.0.0.1@${ports[$peer]}]" ;;
		keyed.*) echo "    primaries: [{address: 127.0.0.1@${ports[$peer]}, key: in.key}]" ;;
		tls.*) echo "    primaries: [{address: 127.0.0.1@${tls_ports[$peer]}, key: strong.key," \
			"tls: {name: primary.test, ca-file: $world/ca.pem}}]" ;;
		pinned.*) echo "    primaries: [{address: 127.0.0.1@${tls_ports[$peer]}, tls: {pins: [\"$pin\"]}}]" ;;
		*) echo "    primaries: [127.0.0.1@${ports[$peer]}]" ;;
		esac
	done >>"$world/zones/steering.yaml"
}

# ---- primaries -------------------------------------------------------------------------------------------------------

nsd_primary() {
	local zone
	cat >"$world/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@${ports[nsd]}
		  ip-address: 127.0.0.1@${tls_ports[nsd]}
		  tls-port: ${tls_ports[nsd]}
		  tls-service-key: "$world/key.pem"
		  tls-service-pem: "$world/cert.pem"
		  username: "$(id -un)"
		  zonesdir: "$world/nsd"
		  database: ""
		  pidfile: ""
		  xfrdfile: "$world/nsd/xfrd"
		  zonelistfile: "$world/nsd/zone.list"
		  xfrdir: "$world/nsd"
		  verbosity: 2
		remote-control:
		  control-enable: yes
		  control-interface: "$world/nsd.sock"
		key:
		  name: in.key
		  algorithm: hmac-sha256
		  secret: "$secret"
		key:
		  name: strong.key
		  algorithm: hmac-sha512
		  secret: "$strong"
	END
	for zone in plain keyed tls; do
		cat <<-END
			zone:
			  name: $zone.nsd.test
			  zonefile: $zone.nsd.zone
			  store-ixfr: yes
			  create-ixfr: yes
			  provide-xfr: 127.0.0.1 $(key_of "$zone")
			  notify: 127.0.0.1@$dns_port $(key_of "$zone")
		END
	done >>"$world/nsd.conf"
	world_start nsd nsd -d -c "$world/nsd.conf"
}

key_of() {	# KIND
	case $1 in
	keyed) echo in.key ;;
	tls) echo strong.key ;;
	*) echo NOKEY ;;
	esac
}

knot_primary() {
	local zone
	cat >"$world/knot.conf" <<-END
		server:
		    listen: 127.0.0.1@${ports[knot]}
		    listen-tls: 127.0.0.1@${tls_ports[knot]}
		    rundir: $world/knot
	END
	if ! knotc -c "$world/knot.conf" conf-check >/dev/null 2>&1; then
		sed -i /listen-tls/d "$world/knot.conf"	# before 3.5 Knot transfers by TLS in no way
	fi
	cat >>"$world/knot.conf" <<-END
		database:
		    storage: $world/knot
		log:
		  - target: stderr
		    any: info
		key:
		  - id: in.key
		    algorithm: hmac-sha256
		    secret: $secret
		remote:
		  - id: isobard
		    address: 127.0.0.1@$dns_port
		  - id: isobard-keyed
		    address: 127.0.0.1@$dns_port
		    key: in.key
		acl:
		  - id: open
		    address: 127.0.0.1
		    action: transfer
		  - id: keyed
		    address: 127.0.0.1
		    key: in.key
		    action: transfer
		policy:
		  - id: nsec
		    algorithm: ecdsap256sha256
		  - id: nsec3
		    algorithm: ecdsap256sha256
		    nsec3: on
		    nsec3-iterations: 0
		zone:
	END
	for zone in plain keyed nsec nsec3; do
		cat <<-END
			  - domain: $zone.knot.test
			    storage: $world/knot
			    file: $zone.knot.zone
			    zonefile-load: difference-no-serial
			    journal-content: all
			    acl: $([ "$zone" = keyed ] && echo keyed || echo open)
			    notify: isobard$([ "$zone" = keyed ] && echo -keyed)
		END
		case $zone in
		nsec*) echo "    dnssec-signing: on" && echo "    dnssec-policy: $zone" ;;
		esac
	done >>"$world/knot.conf"
	world_start knot knotd -c "$world/knot.conf"
}

bind_primary() {
	local zone
	cat >"$world/bind/named.conf" <<-END
		include "$world/in.key";
		include "$world/strong.key";
		tls local { cert-file "$world/cert.pem"; key-file "$world/key.pem"; };
		options {
		    directory "$world/bind";
		    pid-file none;
		    session-keyfile none;
		    listen-on port ${ports[bind]} { 127.0.0.1; };
		    listen-on port ${tls_ports[bind]} tls local { 127.0.0.1; };
		    listen-on-v6 { none; };
		    recursion no;
		    notify explicit;
		    notify-delay 0;
		    dnssec-validation no;
		    ixfr-from-differences yes;
		};
		controls { };
	END
	for zone in plain keyed tls; do
		cat <<-END
			zone "$zone.bind.test" {
			    type primary;
			    file "$zone.bind.zone";
			    allow-update { key in.key; };
			    allow-transfer { $(case $zone in plain) echo 127.0.0.1 ;; *) echo "key $(key_of "$zone")" ;; esac); };
			    also-notify { 127.0.0.1 port $dns_port$(case $zone in plain) ;; *) echo " key $(key_of "$zone")" ;; esac); };
			};
		END
	done >>"$world/bind/named.conf"
	world_start bind named -g -c "$world/bind/named.conf"
}

# ---- what is asked ---------------------------------------------------------------------------------------------------

axfr() {	# PORT ZONE: its records, sorted
	dig @127.0.0.1 -p "$1" +noall +answer +onesoa +time=5 "${@:3}" "$2" AXFR | grep -v '^;' | sed 's/[[:space:]]\+/ /g' | sort
}

serial_of() {	# PORT ZONE
	dig @127.0.0.1 -p "$1" +short +tries=1 +time=1 "$2" SOA | cut -d ' ' -f 3
}

is_at() {	# ZONE SERIAL
	[ "$(serial_of "$dns_port" "$1.test")" = "$2" ]
}

ede_of() {	# NAME: rcode, and the extended error's number
	dig @127.0.0.1 -p "$dns_port" +tries=1 "$1" A | sed -n 's/.*status: \([A-Z]*\),.*/\1/p; s/.*; EDE: \([0-9]*\).*/\1/p' | xargs
}

of_primary() {	# ZONE: the records that its primary has, by the transfer that it gives to others
	local peer=${1#*.} key=()
	case $1 in
	keyed.*) key=(-y "hmac-sha256:in.key:$secret") ;;
	tls.*) key=(-y "hmac-sha512:strong.key:$strong") ;;
	esac
	axfr "${ports[$peer]}" "$1.test" "${key[@]}"
}

alike() {	# ZONE
	local theirs ours
	theirs=$(of_primary "$1" | tee "$world/theirs" | md5sum)
	ours=$(axfr "$dns_port" "$1.test" | tee "$world/ours" | md5sum)
	[ -s "$world/theirs" ] && [ "$theirs" = "$ours" ]
}

# ---- cases -----------------------------------------------------------------------------------------------------------

before_they_come() {
	same "a zone that hasn't come isn't ready" "$(ede_of www.plain.nsd.test)" "SERVFAIL 14"
	same "its siblings are nobody's" "$(ede_of www.nsd.test)" "REFUSED 20"
}

has_come() {	# ZONE
	[ -n "$(serial_of "$dns_port" "$1.test")" ]
}

can() {	# ZONE: this primary has such a thing
	case $1 in
	tls.knot | pinned.knot) grep -q listen-tls "$world/knot.conf" ;;
	esac
}

they_come() {
	local zone
	for zone in "${zones[@]}"; do
		can "$zone" || continue
		holds "$zone comes" world_await 20 has_come "$zone"
		holds "$zone is record for record what the primary has" world_await 10 alike "$zone"
	done
	holds "a transfer by TLS is told so" sh -c "$(declare -p world api_socket ISOBAR_BUILD 2>/dev/null | sed 's/declare [^ ]* //')
		\"\$ISOBAR_BUILD/src/isobarctl\" -s \"\$api_socket\" --json zone primaries tls.bind.test |
		jq -e '.zones[0] | .transfer.transport == \"tls\" and .transfer.kind == \"full\" and .trouble == null'"
}

# ---- changes ---------------------------------------------------------------------------------------------------------

state_of() {	# ZONE FILTER
	world_ctl --json zone primaries "$1.test" | jq -r ".zones[0] | $2"
}

came_by() {	# ZONE KIND SERIAL
	is_at "$1" "$3" && [ "$(state_of "$1" .transfer.kind)" = "$2" ]
}

they_change() {
	local zone serial
	for zone in plain keyed tls; do
		zone_file "$zone.nsd" 2 "new A 192.0.2.200" "www A 192.0.2.81" | sed '/^host7 /d' >"$world/nsd/$zone.nsd.zone"
	done
	kill -HUP "${world_pids[nsd]}"
	knotc -c "$world/knot.conf" zone-begin plain.knot.test >/dev/null
	knotc -c "$world/knot.conf" zone-set plain.knot.test new 300 A 192.0.2.200 >/dev/null
	knotc -c "$world/knot.conf" zone-unset plain.knot.test host7 >/dev/null
	knotc -c "$world/knot.conf" zone-commit plain.knot.test >/dev/null
	for zone in keyed nsec nsec3; do
		knotc -c "$world/knot.conf" zone-begin "$zone.knot.test" >/dev/null
		knotc -c "$world/knot.conf" zone-set "$zone.knot.test" new 300 A 192.0.2.200 >/dev/null
		knotc -c "$world/knot.conf" zone-unset "$zone.knot.test" host7 >/dev/null
		knotc -c "$world/knot.conf" zone-commit "$zone.knot.test" >/dev/null
	done
	for zone in plain keyed tls; do
		nsupdate -y "hmac-sha256:in.key:$secret" <<-END
			server 127.0.0.1 ${ports[bind]}
			zone $zone.bind.test
			update add new.$zone.bind.test 300 A 192.0.2.200
			update delete host7.$zone.bind.test A
			send
		END
	done
	for zone in "${zones[@]}"; do
		can "$zone" || continue
		serial=$(serial_of "${ports[${zone#*.}]}" "$zone.test")
		holds "$zone: the change comes by IXFR" world_await 20 came_by "$zone" differences "$serial"
		holds "$zone is record for record what the primary has after it" world_await 10 alike "$zone"
	done
	for zone in nsec nsec3; do
		validates "$zone"
	done
}

# ---- signed by the primary -------------------------------------------------------------------------------------------

validates() {	# KIND
	local zone=$1.knot.test name
	dig @127.0.0.1 -p "${ports[knot]}" +short "$zone" DNSKEY | awk -v zone="$zone." '$1 == 257 {
		printf "trust-anchors { \"%s\" static-key %s %s %s \"", zone, $1, $2, $3
		for (i = 4; i <= NF; i++) printf "%s", $i
		print "\"; };" }' >"$world/anchor"
	for name in new host7 www alias x.wild mail; do
		same "$zone: delv validates $name" "$(delv @127.0.0.1 -p "$dns_port" -a "$world/anchor" +root="$zone" "$name.$zone" A 2>&1 |
			grep -c 'fully validated')" 1
	done
}

# ---- what isn't allowed here -----------------------------------------------------------------------------------------

ctl_says() {	# NAME TEXT ARGUMENTS...: it fails, and says so
	local name=$1 text=$2 said
	shift 2
	if said=$(world_ctl "$@" 2>&1); then
		not_ok "$name" "it's done: $said"
	else
		same "$name" "$(grep -cF -- "$text" <<<"$said" | sed 's/[1-9][0-9]*/said/')" said
	fi
}

not_edited_here() {
	ctl_says "a record isn't set here" "comes from its primary 127.0.0.1: change it there" \
		record set plain.nsd.test www A 192.0.2.1
	ctl_says "nor is the zone deleted" "comes from its primary" zone delete plain.nsd.test
	ctl_says "a zone of our own isn't asked for" "comes from a primary" zone refresh gtm.example.com
	world_ctl export "$world/out" >/dev/null
	same "an export has no file of it" "$(find "$world/out" -name '*.test.zone' | wc -l)" 0
	holds "what was exported can be applied" world_ctl apply "$world/out"
	same "and the zone stays" "$(serial_of "$dns_port" plain.nsd.test)" 2
	zone_file plain.nsd 9 >"$world/out/plain.nsd.test.zone"
	ctl_says "a folder with a file of it is refused" "comes from its primary" apply "$world/out"
	rm "$world/out/plain.nsd.test.zone"
}

# ---- an operator's wish ----------------------------------------------------------------------------------------------

whole() {
	same "before, it came by a difference" "$(state_of plain.bind .transfer.kind)" differences
	holds "a refresh of all" world_ctl zone refresh plain.bind.test --whole
	holds "is by AXFR" world_await 10 came_by plain.bind full 2
}

# ---- signed and steered here -----------------------------------------------------------------------------------------

served_here() {
	sed -i 's/^  plain.knot.test.\?:$/&\n    dnssec: on/' "$world/out/steering.yaml"
	holds "a zone that comes is signed here" world_ctl apply "$world/out"
	same "with its denial" "$(dig @127.0.0.1 -p "$dns_port" +dnssec +noall +authority none.plain.knot.test |
		grep -c NSEC)" 4
	sed -i 's/^  nsec.knot.test.\?:$/&\n    dnssec: on/' "$world/out/steering.yaml"
	ctl_says "one that comes signed isn't" "comes signed" apply "$world/out"
	sed -i '/^  nsec.knot.test/{n;d}' "$world/out/steering.yaml"
	change_knot plain.knot signed
	holds "its next version is signed, too" world_await 10 answers signed.plain.knot.test RRSIG
}

change_knot() {	# ZONE OWNER [RECORD...]
	local record=("${@:3}")
	[ $# -gt 2 ] || record=(300 A 192.0.2.201)
	knotc -c "$world/knot.conf" zone-begin "$1.test" >/dev/null
	knotc -c "$world/knot.conf" zone-set "$1.test" "$2" "${record[@]}" >/dev/null
	knotc -c "$world/knot.conf" zone-commit "$1.test" >/dev/null
}

answers() {	# NAME TEXT
	dig @127.0.0.1 -p "$dns_port" +dnssec +tries=1 +noall +answer "$1" A | grep -q "$2"
}

# ---- what can't be served --------------------------------------------------------------------------------------------

has_trouble() {	# ZONE TEXT
	state_of "$1" .trouble | grep -qF -- "$2"
}

refused() {
	local before
	before=$(serial_of "$dns_port" keyed.knot.test)
	sed -i '/^services:/a\  svc.keyed.knot.test: {regions: [eu-west, us-east], sharding-policy: weighted-random}' \
		"$world/out/steering.yaml"
	change_knot keyed.knot eu-west._region.svc 300 A 192.0.2.10
	change_knot keyed.knot us-east._region.svc 300 A 192.0.2.11
	holds "region records come" world_await 10 is_newer keyed.knot "$before"
	holds "and the name is steered" world_await 10 world_ctl apply "$world/out"
	same "it's answered" "$(dig @127.0.0.1 -p "$dns_port" +short svc.keyed.knot.test A | grep -c '192.0.2.1[01]')" 1
	before=$(serial_of "$dns_port" keyed.knot.test)
	knotc -c "$world/knot.conf" zone-begin keyed.knot.test >/dev/null
	knotc -c "$world/knot.conf" zone-unset keyed.knot.test us-east._region.svc >/dev/null
	knotc -c "$world/knot.conf" zone-commit keyed.knot.test >/dev/null
	holds "a version without a region's records is refused" world_await 10 has_trouble keyed.knot "has no records"
	same "the one before stays" "$(dig @127.0.0.1 -p "$dns_port" +short svc.keyed.knot.test A | grep -c '192.0.2.1[01]')" 1
	holds "metrics tell it" sh -c "curl -sf --unix-socket '$api_socket' http://isobard/metrics |
		grep -q '^isobar_primary_trouble{zone=\"keyed.knot.test.\"} 1'"
	change_knot keyed.knot us-east._region.svc 300 A 192.0.2.12
	holds "the next one is taken" world_await 10 answers svc.keyed.knot.test "192.0.2.1[02]"
	holds "and the trouble is over" world_await 10 has_trouble keyed.knot null
}

is_newer() {	# ZONE SERIAL
	[ "$(serial_of "$dns_port" "$1.test")" -gt "$2" ]
}

# ---- primaries that lie ----------------------------------------------------------------------------------------------

liars() {
	local before
	before=$(serial_of "$dns_port" keyed.bind.test)
	world_stop bind
	sed -i "s|^\tsecret .*|\tsecret \"$(head -c 32 /dev/urandom | base64)\";|" "$world/in.key.bind"
	sed -i "s,$world/in.key\",$world/in.key.bind\"," "$world/bind/named.conf"
	world_start bind named -g -c "$world/bind/named.conf"
	world_await 10 dig @127.0.0.1 -p "${ports[bind]}" +tries=1 +time=1 plain.bind.test SOA
	world_ctl zone refresh keyed.bind.test >/dev/null
	holds "a primary with another secret isn't believed" world_await 20 has_trouble keyed.bind TSIG
	same "the version before stays" "$(serial_of "$dns_port" keyed.bind.test)" "$before"
	world_stop bind
	world_start liar "$ISOBAR_BUILD/tests/tools/liar" "${ports[bind]}" plain.bind.test.
	world_await 10 dig @127.0.0.1 -p "${ports[bind]}" +tries=1 +time=1 plain.bind.test SOA
	world_ctl zone refresh plain.bind.test >/dev/null
	holds "a transfer that ends too early isn't served" world_await 20 has_trouble plain.bind "before the end"
	same "the version before it stays" "$(serial_of "$dns_port" plain.bind.test)" 2
	same "with its records" "$(dig @127.0.0.1 -p "$dns_port" +short new.plain.bind.test A)" 192.0.2.200
	world_stop liar
}

# ---- without primaries -----------------------------------------------------------------------------------------------

alone() {
	local said
	world_stop nsd
	world_stop knot
	world_stop isobard
	holds "isobard starts without primaries" world_isobard
	same "and answers what it had" "$(dig @127.0.0.1 -p "$dns_port" +short new.plain.nsd.test A)" 192.0.2.200
	said=$(dig @127.0.0.1 -p "$dns_port" +expire plain.nsd.test SOA | sed -n 's/^; EXPIRE: \([0-9]*\).*/\1/p')
	holds "EXPIRE tells what is left of it" test "$said" -gt 80000 -a "$said" -lt 86400
	sed -i 's/^  tls.nsd.test.\?:$/&\n    expire-max-interval: 3s/' "$world/out/steering.yaml"
	nsd_primary
	holds "a primary is back" world_await 20 has_trouble tls.nsd null
	holds "with a short EXPIRE" world_ctl apply "$world/out"
	holds "a refresh heeds it" world_ctl zone refresh tls.nsd.test --whole
	holds "the zone comes" world_await 10 came_by tls.nsd full 2
	world_stop nsd
	holds "it expires" world_await 10 expired www.tls.nsd.test
	same "isobarctl tells it" "$(state_of tls.nsd .state)" expired
	same "it isn't transferred any more" "$(axfr "$dns_port" tls.nsd.test | grep -c SOA)" 0
	world_stop isobard
	holds "isobard starts once more" world_isobard
	same "what has expired stays so" "$(ede_of www.tls.nsd.test)" "SERVFAIL 24"
	sed -i '/^  plain.nsd.test/,/^  [a-z]/{/^  plain.nsd.test/d;/^    /d}' "$world/out/steering.yaml"
	holds "the section goes" world_ctl apply "$world/out"
	same "and the zone with it" "$(ede_of www.plain.nsd.test)" "REFUSED 20"
}

expired() {	# NAME
	[ "$(ede_of "$1")" = "SERVFAIL 24" ]
}

main "$@"
