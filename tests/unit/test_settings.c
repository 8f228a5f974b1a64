/* test_settings.c -- conf/settings and conf/agent_settings: values, defaults, every error in one run; and the three
 * manual pages of files against their tables, both ways. */
#include "conf/settings.h"


#include "base/text.h"
#include "conf/agent_settings.h"
#include "conf/member.h"
#include "conf/steering_schema.h"
#include "scarce.h"
#include "suite.h"
#include "tap/dnstap.h"

/* What was said, for SUITE_TEXT; freed by the caller. */
static char *
messages_of(struct diags *diags)
{
	struct text text = { 0 };

	text_puts(&text, "");
	diag_print(diags, &text);
	diag_fini(diags);
	return text_take(&text);
}

/* ---- isobar.yaml --------------------------------------------------------------------------------------------- */

static void
test_defaults(void)
{
	struct diags diags = { 0 };
	struct settings *s = settings_read("", "isobar.yaml", &diags);

	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT_EQUAL_FATAL(s->listener_count, 2);
	CU_ASSERT(s->listeners[0].address.bits == 32 && s->listeners[0].port == 53);
	CU_ASSERT(s->listeners[1].address.bits == 128 && s->listeners[1].port == 53);
	CU_ASSERT_EQUAL(s->workers, 0);
	CU_ASSERT_EQUAL(s->udp_payload, 1232);
	CU_ASSERT(s->listeners[0].udp_payload == 0 && s->cookies && s->cookies_required == 0 && s->attack_rate == 50000);
	SUITE_TEXT(s->cookie_secrets, "");
	SUITE_TEXT(s->report_agent, "");
	SUITE_TEXT(s->nsid, "");
	CU_ASSERT(s->rates.answers == 0 && s->rates.all == 0 && s->rates.slip == 2 && s->rates.burst_ms == 5000);
	CU_ASSERT(s->rates.ipv4_prefix == 24 && s->rates.ipv6_prefix == 56 && s->rates.exempt_count == 2);
	SUITE_TEXT(s->zones, ISOBAR_CONFIG_DIR "/zones");
	SUITE_TEXT(s->store, ISOBAR_STATE_DIR "/isobar.db");
	SUITE_TEXT(s->models, ISOBAR_MODELS_DIR);
	SUITE_TEXT(s->api_socket, "/run/isobar/isobar.sock");
	CU_ASSERT(s->api_listener.address.bits == 32 && s->api_listener.address.bytes[0] == 127);
	CU_ASSERT_EQUAL(s->api_listener.port, 8053);
	CU_ASSERT_EQUAL(s->tcp_idle_timeout_ms, 10000);
	CU_ASSERT_EQUAL(s->tcp_connections, 1024);
	CU_ASSERT(s->tcp_query_timeout_ms == 5000 && s->tcp_answer_timeout_ms == 10000);
	CU_ASSERT_EQUAL(s->tcp_connections_per_prefix, 64);
	CU_ASSERT(s->tcp_prefix_ipv4 == 24 && s->tcp_prefix_ipv6 == 56);
	CU_ASSERT_EQUAL(s->tls_listener_count, 0);
	CU_ASSERT(s->tls_certificate == NULL && s->tls_key == NULL);
	CU_ASSERT(s->tls_handshake_timeout_ms == 5000 && s->tls_handshakes == 256);
	CU_ASSERT_EQUAL(s->tls_handshakes_per_prefix, 32);
	CU_ASSERT_EQUAL(s->tls_handshake_rate, 100);
	CU_ASSERT_EQUAL(s->proxy_count, 0);
	CU_ASSERT_EQUAL(s->tcp_queries_in_flight, 128);
	CU_ASSERT_EQUAL(s->log, LOG_LEVEL_INFO);
	CU_ASSERT_FALSE(s->pae_external);
	CU_ASSERT_EQUAL(s->keep_samples_ms, 2 * INT64_C(86400000));
	CU_ASSERT_EQUAL(s->keep_minutes_ms, 40 * INT64_C(86400000));
	CU_ASSERT_EQUAL(s->keep_hours_ms, 400 * INT64_C(86400000));
	CU_ASSERT_EQUAL(s->keep_reports_ms, 2 * INT64_C(86400000));
	settings_free(s);
}

static void
test_dnstap(void)
{
	struct diags diags = { 0 };
	struct settings *s = settings_read("dnstap: {socket: /x, sample: 9, queries: false}\n", "f", &diags);

	CU_ASSERT((s != NULL) == dnstap_is_built());
	if (s != NULL) {
		SUITE_TEXT(s->dnstap.socket, "/x");
		CU_ASSERT(s->dnstap.sample == 9 && !s->dnstap.queries && s->dnstap.responses);
		CU_ASSERT_EQUAL(s->dnstap.server.address.bits, 0);
	}
	settings_free(s);
	diag_fini(&diags);
	s = settings_read("", "f", &diags);
	CU_ASSERT_FATAL(s != NULL);
	SUITE_TEXT(s->dnstap.socket, "");
	SUITE_TEXT(s->query_log, "");
	CU_ASSERT(s->dnstap.sample == 1 && s->dnstap.queries && s->dnstap.responses);
	settings_free(s);
}

static void
test_values(void)
{
	static const char text[] =
	    "listen: [192.0.2.53@5300, {address: 192.0.2.54, udp-payload: 1400}, '::1@0']\n"
	    "cookies: {enabled: false, secrets: c, required: under-attack, attack-rate: 9}\n"
	    "rate-limit: {answers: 1, referrals: 2, nodata: 3, nxdomain: 4, errors: 5, all: 6, burst: 2s, slip: 0,\n"
	    "  ipv4-prefix: 32, ipv6-prefix: 64, exempt: [192.0.2.0/24], count-only: true, table: 1024}\n"
	    "report-agent: a01.agent.example.net\nidentity: {nsid: \"\"}\n"
	    "workers: 4\n"
	    "udp-payload: 4096\n"
	    "tcp: {idle-timeout: 500ms, connections: 7, connections-per-prefix: 7, queries-in-flight: 1,\n"
	    "      query-timeout: 100ms, answer-timeout: 1h, prefix-ipv4: 32, prefix-ipv6: 1}\n"
	    "tls: {listen: [127.0.0.1, '::1@8530'], certificate: c, key: k, handshake-timeout: 1s, handshakes: 2,\n"
	    "      handshakes-per-prefix: 1, handshake-rate: 7}\n"
	    "proxy-protocol: {from: [127.0.0.0/8, '::1/128']}\n"
	    "query-log: {file: q}\n"
	    "zones: z\nstore: s\nmodels: m\npae: external\nlog: debug\n"
	    "api: {socket: /tmp/x, listen: none}\n"
	    "retention: {samples: 1h, minutes: 60m, hours: 3650d, reports: 3d}\n";
	struct diags diags = { 0 };
	struct settings *s = settings_read(text, "isobar.yaml", &diags);

	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT_EQUAL_FATAL(s->listener_count, 3);
	CU_ASSERT_EQUAL(s->listeners[0].port, 5300);
	CU_ASSERT(s->listeners[1].port == 53 && s->listeners[1].address.bytes[3] == 54);
	CU_ASSERT(s->listeners[2].port == 0 && s->listeners[2].address.bytes[15] == 1);
	CU_ASSERT_EQUAL(s->workers, 4);
	SUITE_TEXT(s->query_log, "q");
	CU_ASSERT_EQUAL(s->udp_payload, 4096);
	CU_ASSERT(s->listeners[0].udp_payload == 0 && s->listeners[1].udp_payload == 1400);
	CU_ASSERT(!s->cookies && s->cookies_required == 1 && s->attack_rate == 9);
	SUITE_TEXT(s->cookie_secrets, "c");
	SUITE_TEXT(s->report_agent, "a01.agent.example.net");
	SUITE_TEXT(s->nsid, "");
	CU_ASSERT(s->rates.answers == 1 && s->rates.referrals == 2 && s->rates.nodata == 3 && s->rates.nxdomain == 4);
	CU_ASSERT(s->rates.errors == 5 && s->rates.all == 6 && s->rates.burst_ms == 2000 && s->rates.slip == 0);
	CU_ASSERT(s->rates.ipv4_prefix == 32 && s->rates.ipv6_prefix == 64 && s->rates.exempt_count == 1);
	CU_ASSERT(s->rates.count_only && s->rates.table == 1024);
	CU_ASSERT_EQUAL(s->tcp_idle_timeout_ms, 500);
	CU_ASSERT_EQUAL(s->tcp_connections, 7);
	CU_ASSERT_EQUAL(s->tcp_connections_per_prefix, 7);
	CU_ASSERT(s->tcp_query_timeout_ms == 100 && s->tcp_answer_timeout_ms == 3600000);
	CU_ASSERT(s->tcp_prefix_ipv4 == 32 && s->tcp_prefix_ipv6 == 1);
	CU_ASSERT_EQUAL_FATAL(s->tls_listener_count, 2);
	CU_ASSERT(s->tls_listeners[0].port == 853 && s->tls_listeners[1].port == 8530);
	SUITE_TEXT(s->tls_certificate, "c");
	SUITE_TEXT(s->tls_key, "k");
	CU_ASSERT(s->tls_handshake_timeout_ms == 1000 && s->tls_handshakes == 2);
	CU_ASSERT_EQUAL(s->tls_handshakes_per_prefix, 1);
	CU_ASSERT_EQUAL(s->tls_handshake_rate, 7);
	CU_ASSERT_EQUAL_FATAL(s->proxy_count, 2);
	CU_ASSERT(s->proxies[0].length == 8 && s->proxies[1].length == 128);
	CU_ASSERT_EQUAL(s->tcp_queries_in_flight, 1);
	SUITE_TEXT(s->zones, "z");
	SUITE_TEXT(s->store, "s");
	SUITE_TEXT(s->models, "m");
	SUITE_TEXT(s->api_socket, "/tmp/x");
	CU_ASSERT_EQUAL(s->api_listener.address.bits, 0);
	CU_ASSERT_EQUAL(s->log, LOG_LEVEL_DEBUG);
	CU_ASSERT(s->pae_external);
	CU_ASSERT_EQUAL(s->keep_samples_ms, 3600000);
	CU_ASSERT_EQUAL(s->keep_minutes_ms, 3600000);
	CU_ASSERT_EQUAL(s->keep_hours_ms, 3650 * INT64_C(86400000));
	CU_ASSERT_EQUAL(s->keep_reports_ms, 3 * INT64_C(86400000));
	settings_free(s);
}

struct message_row {
	const char *name, *text, *messages;
};

static const struct message_row settings_rows[] = {
	{ "a map and nothing else", "- listen\n", "f:1:1: the file must be a map of settings (KEY: VALUE)\n" },
	{ "addresses as other software writes them",
		"listen: [\"127.0.0.1:53\", \"[::1]:5300\", '::1:53', localhost@53]\n",
		"f:1:10: 'listen' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not '127.0.0.1:53' "
		"(did you mean '127.0.0.1@53'?)\n"
		"f:1:26: 'listen' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not '[::1]:5300' "
		"(did you mean '::1@5300'?)\n"
		"f:1:50: 'listen' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not 'localhost@53'\n" },
	{ "no listener", "listen: []\n", "f:1:9: 'listen' is empty\n" },
	{ "the same listener twice", "listen: [127.0.0.1@53, 127.0.0.1@53]\n",
		"f:1:24: '127.0.0.1@53' is listed twice in 'listen'\n" },
	{ "bounds", "workers: -1\nudp-payload: 511\ntcp: {connections: 0, idle-timeout: 2h}\nretention: {hours: 59m}\n",
		"f:1:10: 'workers' must be from 0 to 256, not '-1'\n"
		"f:2:14: 'udp-payload' must be from 512 to 4096, not '511'\n"
		"f:3:20: 'connections' must be from 1 to 1000000, not '0'\n"
		"f:3:37: 'idle-timeout' must be from 100ms to 1h, not '2h'\n"
		"f:4:20: 'hours' must be from 1h to 3650d, not '59m'\n" },
	{ "a listener's keys", "listen: [{udp-payload: 100, adress: x}, {address: 127.0.0.1:53}]\n",
		"f:1:10: the key 'address' is missing (where it listens)\n"
		"f:1:24: 'udp-payload' must be from 512 to 4096, not '100'\n"
		"f:1:29: unknown key 'adress' (did you mean 'address'?)\n"
		"f:1:51: 'address' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not '127.0.0.1:53' "
		"(did you mean '127.0.0.1@53'?)\n" },
	{ "a list where a listener stands", "listen: [[127.0.0.1]]\n",
		"f:1:10: each entry of 'listen' must be a map {KEY: VALUE}, not a list [A, B]\n" },
	{ "cookies", "cookies: {required: sometimes, attack-rate: 0, enabled: yes}\n",
		"f:1:21: 'required' takes one of never, under-attack, always, not 'sometimes'\n"
		"f:1:45: 'attack-rate' must be from 1 to 1000000000, not '0'\n"
		"f:1:57: 'enabled' takes true or false, not 'yes' (did you mean 'true'?)\n" },
	{ "rates", "rate-limit: {answers: 5/s, all: -1, burst: 100ms, slip: 101, ipv4-prefix: 33, ipv6-prefix: 8,\n"
		"  exempt: [192.0.2.1/24], table: 10, answer: 5}\n",
		"f:1:23: 'answers' takes a whole number, not '5/s'\n"
		"f:1:33: 'all' must be from 0 to 1000000, not '-1'\n"
		"f:1:44: 'burst' must be from 1s to 1m, not '100ms'\n"
		"f:1:57: 'slip' must be from 0 to 100, not '101'\n"
		"f:1:75: 'ipv4-prefix' must be from 8 to 32, not '33'\n"
		"f:1:92: 'ipv6-prefix' must be from 16 to 128, not '8'\n"
		"f:2:12: exempt: '192.0.2.1/24' has bits behind its prefix length (did you mean '192.0.2.0/24'?)\n"
		"f:2:34: 'table' must be from 1024 to 16777216, not '10'\n"
		"f:2:38: unknown key 'answer' (did you mean 'answers'?)\n" },
	{ "a report agent", "report-agent: a..b\n", "f:1:15: report-agent: 'a..b' isn't a domain name\n" },
	{ "the root as report agent", "report-agent: .\n", "f:1:15: report-agent: '.' isn't a domain name\n" },
	{ "words", "log: verbose\npae: extern\n",
		"f:1:6: 'log' takes one of error, warning, info, debug, not 'verbose'\n"
		"f:2:6: 'pae' takes one of internal, external, not 'extern' (did you mean 'external'?)\n" },
	{ "limits that contradict each other", "tcp: {connections: 5}\n",
		"f:1:6: 'connections-per-prefix' (64) is above 'connections' (5)\n" },
	{ "handshakes that contradict each other", "tls: {handshakes: 5}\n",
		"f:1:6: 'handshakes-per-prefix' (32) is above 'handshakes' (5)\n" },
	{ "TLS without a certificate", "tls: {listen: [127.0.0.1]}\n",
		"f:1:6: to listen takes a 'certificate' and a 'key'\n" },
	{ "a certificate without its key", "tls: {listen: [127.0.0.1], certificate: c}\n",
		"f:1:6: 'certificate' and 'key' belong together: one is missing\n" },
	{ "a proxy's address without a length", "proxy-protocol: {from: [127.0.0.1]}\n",
		"f:1:25: 'from' takes a network such as 192.0.2.0/24 or 2001:db8::/32, not '127.0.0.1' "
		"(did you mean '127.0.0.1/32'?)\n" },
	{ "a socket's path has a limit",
		"api: {socket: /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
		"f:1:15: socket: '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' "
		"is too long for a socket's path: at most 107 octets\n" },
	{ "tokens in the clear", "api: {listen: 192.0.2.1}\n",
		"f:1:6: warning: the API isn't encrypted: tokens can be read on the way to an address that isn't "
		"loopback\n" },
	{ "loopback needs no warning", "api: {listen: '::1@8053'}\n", "" },
	{ "an empty document", "---\n# nothing\n", "" },
};

/* Of an isobard that is built with it. */
static const struct message_row dnstap_rows[] = {
	{ "dnstap's two readers", "dnstap: {socket: /x, server: 127.0.0.1}\n",
		"f:1:9: 'socket' and 'server' exclude each other\n" },
	{ "dnstap that tells nothing", "dnstap: {socket: /x, queries: false, responses: false}\n",
		"f:1:9: neither 'queries' nor 'responses' are told\n" },
	{ "dnstap without a reader", "dnstap: {sample: 2}\n",
		"f:1:9: warning: without 'socket' or 'server' nothing is told\n" },
	{ "dnstap in the clear", "dnstap: {server: 192.0.2.1}\n",
		"f:1:9: warning: dnstap isn't encrypted: queries can be read on the way to an address that isn't "
		"loopback\n" },
};

static void
check_settings_rows(const struct message_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct diags diags = { 0 };
		struct settings *s = settings_read(rows[i].text, "f", &diags);
		bool failed = diag_failed(&diags);
		char *messages = messages_of(&diags);

		SUITE_TEXT(messages, rows[i].messages);
		SUITE_ROW(rows[i].name, failed == (s == NULL));
		settings_free(s);
		free(messages);
	}
}

static void
test_settings_messages(void)
{
	check_settings_rows(settings_rows, ARRAY_SIZE(settings_rows));
	if (dnstap_is_built())
		check_settings_rows(dnstap_rows, ARRAY_SIZE(dnstap_rows));
}

/* ---- isobar-rem.yaml ----------------------------------------------------------------------------------------- */

static void
test_agent_defaults(void)
{
	struct diags diags = { 0 };
	struct agent_settings *s = agent_settings_read("{region: eu-west, agent: a, token-file: t}", "f", &diags);

	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT_FATAL(s != NULL);
	SUITE_TEXT(s->region, "eu-west");
	SUITE_TEXT(s->agent, "a");
	SUITE_TEXT(s->token_file, "t");
	SUITE_TEXT(s->controller, "http://127.0.0.1:8053");
	CU_ASSERT_EQUAL(s->interval_ms, 5000);
	SUITE_TEXT(s->spool_path, ISOBAR_STATE_DIR "/rem-spool");
	CU_ASSERT_EQUAL(s->spool_limit, 64 << 20);
	CU_ASSERT(s->capacity == 0);
	CU_ASSERT(!s->constrained && s->accept_count == 0);
	CU_ASSERT(s->backend_count == 0 && s->endpoint_count == 0 && s->load_count == 0);
	CU_ASSERT(s->system_metrics && s->disk_count == 1 && s->interface_count == 0);
	SUITE_TEXT(s->disks[0], "/");
	agent_settings_free(s);
}

static void
test_agent_values(void)
{
	static const char text[] =
	    "region: us-east\nagent: rem/1\ncontroller: unix:/run/isobar/isobar.sock\ninterval: 250ms\n"
	    "spool: {path: /var/spool/rem, limit: 2G}\ncapacity: 1.5k\naccepts: [germany, default]\n"
	    "backends:\n"
	    "  - {name: web-1, service: WWW.gtm.example.com, address: 192.0.2.10@8080}\n"
	    "  - name: web-2\n"
	    "    service: api.gtm.example.com.\n"
	    "    address: 2001:db8::1@443\n"
	    "    probe: {kind: https, path: /healthz, host: www.example.com, status: 204, interval: 1s, timeout: 1s,\n"
	    "            rise: 1, fall: 100}\n"
	    "  - {name: web-3, service: x, address: 192.0.2.1@1, probe: {kind: http, status: 200-299}}\n"
	    "metrics-endpoints:\n"
	    "  - {url: 'http://127.0.0.1:9100/metrics', prefix: 'node.', backend: web-2,\n"
	    "     series: [up, 'x{a=\"b\"}', 'a.b=y']}\n"
	    "  - {url: 'https://h/'}\n"
	    "load:\n"
	    "  - {service: www.gtm.example.com, url: 'http://127.0.0.1:9100/metrics',\n"
	    "     metric: 'r{code=\"2\",m=\"G\"}',\n"
	    "     errors: 'r{code=\"5\"}'}\n"
	    "  - {service: api.gtm.example.com, url: 'http://127.0.0.1:9100/metrics', metric: r}\n"
	    "system: {metrics: false, disks: [/var, /srv], interfaces: [eth0]}\n";
	struct diags diags = { 0 };
	struct agent_settings *s = agent_settings_read(text, "f", &diags);
	char *messages = messages_of(&diags);

	SUITE_TEXT(messages, "");
	free(messages);
	CU_ASSERT_FATAL(s != NULL);
	SUITE_TEXT(s->agent, "rem/1");
	SUITE_TEXT(s->controller, "unix:/run/isobar/isobar.sock");
	CU_ASSERT_PTR_NULL(s->token_file);
	CU_ASSERT_EQUAL(s->interval_ms, 250);
	SUITE_TEXT(s->spool_path, "/var/spool/rem");
	CU_ASSERT_EQUAL(s->spool_limit, UINT64_C(2) << 30);
	CU_ASSERT(s->capacity == 1500);
	CU_ASSERT(s->constrained && s->accept_count == 2);
	SUITE_TEXT(s->accepts[1], "default");
	CU_ASSERT_EQUAL_FATAL(s->backend_count, 3);
	SUITE_TEXT(s->backends[0].name, "web-1");
	SUITE_TEXT(s->backends[0].service, "www.gtm.example.com.");
	CU_ASSERT(s->backends[0].address.bits == 32 && s->backends[0].port == 8080);
	CU_ASSERT_EQUAL(s->backends[0].probe.kind, PROBE_TCP);
	CU_ASSERT_PTR_NULL(s->backends[0].probe.path);
	CU_ASSERT(s->backends[0].probe.interval_ms == 5000 && s->backends[0].probe.timeout_ms == 2000);
	CU_ASSERT(s->backends[0].probe.rise == 2 && s->backends[0].probe.fall == 3);
	CU_ASSERT(s->backends[1].address.bits == 128 && s->backends[1].port == 443);
	SUITE_TEXT(s->backends[1].service, "api.gtm.example.com.");
	CU_ASSERT_EQUAL(s->backends[1].probe.kind, PROBE_HTTPS);
	SUITE_TEXT(s->backends[1].probe.path, "/healthz");
	SUITE_TEXT(s->backends[1].probe.host, "www.example.com");
	CU_ASSERT(s->backends[1].probe.status_least == 204 && s->backends[1].probe.status_most == 204);
	CU_ASSERT(s->backends[1].probe.interval_ms == 1000 && s->backends[1].probe.timeout_ms == 1000);
	CU_ASSERT(s->backends[1].probe.rise == 1 && s->backends[1].probe.fall == 100);
	SUITE_TEXT(s->backends[2].probe.path, "/");
	CU_ASSERT_PTR_NULL(s->backends[2].probe.host);
	CU_ASSERT(s->backends[2].probe.status_least == 200 && s->backends[2].probe.status_most == 299);
	CU_ASSERT_EQUAL_FATAL(s->endpoint_count, 2);
	SUITE_TEXT(s->endpoints[0].url, "http://127.0.0.1:9100/metrics");
	SUITE_TEXT(s->endpoints[0].prefix, "node.");
	SUITE_TEXT(s->endpoints[0].backend, "web-2");
	CU_ASSERT_EQUAL_FATAL(s->endpoints[0].series_count, 3);
	SUITE_TEXT(s->endpoints[0].series[1], "x{a=\"b\"}");
	SUITE_TEXT(s->endpoints[1].prefix, "");
	SUITE_TEXT(s->endpoints[1].backend, "");
	CU_ASSERT_EQUAL(s->endpoints[1].series_count, 0);
	CU_ASSERT_EQUAL_FATAL(s->load_count, 2);
	SUITE_TEXT(s->loads[0].service, "www.gtm.example.com.");
	SUITE_TEXT(s->loads[0].metric, "r{code=\"2\",m=\"G\"}");
	SUITE_TEXT(s->loads[0].errors, "r{code=\"5\"}");
	CU_ASSERT_PTR_NULL(s->loads[1].errors);
	CU_ASSERT(!s->system_metrics && s->disk_count == 2 && s->interface_count == 1);
	SUITE_TEXT(s->disks[1], "/srv");
	SUITE_TEXT(s->interfaces[0], "eth0");
	agent_settings_free(s);
}

#define HEAD "region: eu\nagent: a\ntoken-file: t\n"

static const struct message_row agent_rows[] = {
	{ "no region", "{agent: a, token-file: t}",
		"f:1:1: the key 'region' is missing (the region, as steering.yaml calls it)\n" },
	{ "names", "{region: EU West, agent: a b, token-file: t}",
		"f:1:10: region: 'EU West' isn't a region's name: 1 to 63 lower-case letters, digits and inner hyphens "
		"(did you mean 'eu-west'?)\n"
		"f:1:26: agent: 'a b' isn't a name: 1 to 128 letters, digits and _.:/@-\n" },
	{ "controllers", HEAD "controller: 127.0.0.1:8053\n",
		"f:4:13: controller: '127.0.0.1:8053' isn't where isobard listens: http(s)://HOST:PORT or unix:/PATH "
		"(did you mean 'http://127.0.0.1:8053'?)\n" },
	{ "a socket without its scheme", HEAD "controller: /run/isobar/isobar.sock\n",
		"f:4:13: controller: '/run/isobar/isobar.sock' isn't where isobard listens: http(s)://HOST:PORT or "
		"unix:/PATH (did you mean 'unix:/run/isobar/isobar.sock'?)\n" },
	{ "no token", "{region: eu, agent: a}",
		"f:1:1: warning: isobard takes no report over TCP without a token, and there is no 'token-file'\n" },
	{ "sizes and times", HEAD "interval: 5\nspool: {limit: 64MB}\ncapacity: 5K\n",
		"f:4:11: 'interval' takes a time with its unit, such as 500ms, 5s, 10m, 1h or 7d, not '5' "
		"(did you mean '5s'?)\n"
		"f:5:16: 'limit' takes a size such as 4096, 64k or 64M, not '64MB' (did you mean '64M'?)\n"
		"f:6:11: 'capacity' takes requests per second such as 800 or 50k, not '5K' (did you mean '5k'?)\n" },
	{ "nobody accepted", HEAD "accepts: []\n", "f:4:10: 'accepts' is empty\n" },
	{ "backends", HEAD "backends:\n"
		"  - {name: w, service: x, address: 192.0.2.1}\n"
		"  - {name: w, service: a..b, address: '192.0.2.1:80'}\n"
		"  - {name: v w}\n"
		"  - w\n",
		"f:5:36: 'address' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not '192.0.2.1'\n"
		"f:6:12: the backend 'w' is here twice; the first is in line 5\n"
		"f:6:24: service: 'a..b' isn't a domain name: letters, digits, '-' and '_', 63 at most between dots\n"
		"f:6:39: 'address' takes ADDRESS@PORT such as 127.0.0.1@53 or \"::1@53\", not '192.0.2.1:80' "
		"(did you mean '192.0.2.1@80'?)\n"
		"f:7:5: the key 'service' is missing (the service that it's a backend of)\n"
		"f:7:5: the key 'address' is missing (what is probed)\n"
		"f:7:12: name: 'v w' isn't a name: 1 to 128 letters, digits and _.:/@-\n"
		"f:8:5: each entry of 'backends' must be a map {KEY: VALUE}, not a single value\n" },
	{ "probes", HEAD "backends:\n"
		"  - {name: a, service: x, address: 192.0.2.1@1, probe: {path: /, host: h, status: 200}}\n"
		"  - {name: b, service: x, address: 192.0.2.1@1, probe: {kind: http, path: x, status: 200-99}}\n"
		"  - {name: c, service: x, address: 192.0.2.1@1, probe: {interval: 1s, rise: 0, fall: 101}}\n"
		"  - {name: d, service: x, address: 192.0.2.1@1, probe: {kind: http, host: a b, status: 300-200}}\n",
		"f:5:63: 'path' is for kind http or https; a TCP probe only connects\n"
		"f:5:72: 'host' is for kind http or https; a TCP probe only connects\n"
		"f:5:83: 'status' is for kind http or https; a TCP probe only connects\n"
		"f:6:75: path: 'x' must begin with '/' and have no blanks (did you mean '/x'?)\n"
		"f:6:86: status: '200-99' isn't a range of HTTP status from 100 to 599, such as 200 or 200-399\n"
		"f:7:56: 'timeout' (2000ms) is above 'interval' (1000ms)\n"
		"f:7:77: 'rise' must be from 1 to 100, not '0'\n"
		"f:7:86: 'fall' must be from 1 to 100, not '101'\n"
		"f:8:75: host: 'a b' isn't a host name\n"
		"f:8:88: status: '300-200' isn't a range of HTTP status from 100 to 599, such as 200 or 200-399\n" },
	{ "endpoints and load", HEAD "backends: [{name: web-1, service: x, address: 192.0.2.1@1}]\n"
		"metrics-endpoints:\n"
		"  - {url: 'h:9100', backend: web-2, series: [9x, 'a{b}', 'a{b=\"c\"', ok, 'a{b=\"c}'], prefix: a b}\n"
		"load: [{metric: a b}]\n",
		"f:6:11: url: 'h:9100' isn't an URL: http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH "
		"(did you mean 'http://h:9100'?)\n"
		"f:6:30: there is no backend 'web-2' (did you mean 'web-1'?)\n"
		"f:6:46: series: '9x' isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}\n"
		"f:6:50: series: 'a{b}' isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}\n"
		"f:6:58: series: 'a{b=\"c\"' isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}\n"
		"f:6:73: series: 'a{b=\"c}' isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}\n"
		"f:6:93: prefix: 'a b' isn't a prefix: 1 to 64 letters, digits and _.:/@-\n"
		"f:7:8: the key 'service' is missing (the service whose requests are counted)\n"
		"f:7:8: the key 'url' is missing (page in the Prometheus text format)\n"
		"f:7:17: metric: 'a b' isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}\n" },
	{ "system", HEAD "system: {metrics: on, disks: /, interfaces: []}\n",
		"f:4:19: 'metrics' takes true or false, not 'on' (did you mean 'true'?)\n"
		"f:4:30: 'disks' must be a list [A, B], not a single value\n"
		"f:4:45: 'interfaces' is empty\n" },
};

static void
test_agent_messages(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(agent_rows); i++) {
		struct diags diags = { 0 };
		struct agent_settings *s = agent_settings_read(agent_rows[i].text, "f", &diags);
		bool failed = diag_failed(&diags);
		char *messages = messages_of(&diags);

		SUITE_TEXT(messages, agent_rows[i].messages);
		SUITE_ROW(agent_rows[i].name, failed == (s == NULL));
		agent_settings_free(s);
		free(messages);
	}
}

static bool
read_both_scarcely(void)
{
	struct diags diags = { 0 };
	struct settings *s = settings_read("listen: [127.0.0.1]\ntcp: {connections: 99}\n", "f", &diags);
	struct agent_settings *a = agent_settings_read(HEAD "accepts: [x]\nbackends: [{name: w, service: x,\n"
	    " address: 192.0.2.1@1}]\nmetrics-endpoints: [{url: 'http://h', backend: w, series: [up]}]\n"
	    "load: [{service: x, url: 'http://h', metric: r}]\n", "f", &diags);
	bool failed = diags.errors > 0;

	CU_ASSERT(failed == (s == NULL || a == NULL));
	settings_free(s);
	agent_settings_free(a);
	diag_fini(&diags);
	return !failed;
}

static void
test_scarce(void)
{
	SCARCE_EACH(read_both_scarcely);
}

/* ---- the tables and their manuals ---------------------------------------------------------------------------- */

static const struct page {
	const char *name;
	const struct schema *schema;
} pages[] = {
	{ "isobar.yaml.5", &settings_schema },
	{ "isobar-rem.yaml.5", &agent_settings_schema },
	{ "steering.yaml.5", &steering_schema },
};

static void
check_setting(void *arg, const struct schema *schema, const struct setting *s)
{
	char bounds[MEMBER_BOUNDS_SIZE];
	bool quantity = s->type == SETTING_INTEGER || s->type == SETTING_NUMBER || s->type == SETTING_RATE ||
	    s->type == SETTING_DURATION || s->type == SETTING_SIZE;
	double most = s->size == 2 ? UINT16_MAX : s->size == 4 ? UINT32_MAX : 9e15;

	SUITE_ROW(s->key, s->key[0] != '\0' && s->help != NULL && s->help[0] != '\0' && s->unit != NULL);
	SUITE_ROW(s->key, s - schema->settings < SCHEMA_SETTINGS_MAX);
	SUITE_ROW(s->key, s->offset + s->size <= schema->size);
	/* An unbounded whole number would overflow its member, and a negative one wrap round. */
	SUITE_ROW(s->key, !quantity || member_bounds(s, bounds));
	SUITE_ROW(s->key, !quantity || s->type == SETTING_NUMBER || (s->least >= 0
	    && s->most / (s->divisor > 0 ? s->divisor : 1) <= most));
	SUITE_ROW(s->key, s->type != SETTING_ENUM || (s->words != NULL && s->size == sizeof(int)));
	SUITE_ROW(s->key, s->type != SETTING_LIST || (s->item != NULL && s->other != 0));
	SUITE_ROW(s->key, (s->type != SETTING_MAP && s->type != SETTING_NAMES) ||
	    (s->schema != NULL && s->schema->placed));
	SUITE_ROW(s->key, !(s->required && s->otherwise != NULL));
	(*(unsigned *)arg)++;
}

static void
test_tables(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		unsigned count = 0;

		schema_visit(pages[i].schema, check_setting, &count);
		CU_ASSERT(count > 20);
	}
}

/* What the manual and the table must agree on: one line for each key. */
struct lines {
	char *list[200];
	size_t count;
	const char *page;	/* the text of the page, to look words up */
};

static void
lines_add(struct lines *lines, char *line)
{
	CU_ASSERT_FATAL(lines->count < ARRAY_SIZE(lines->list) && line != NULL);
	lines->list[lines->count++] = line;
}

/* A default below the folders of this build, as the manual names them. */
static void
put_default(struct text *line, const char *otherwise)
{
	static const struct { const char *built, *named; } folders[] = {
		{ ISOBAR_CONFIG_DIR, "/etc/isobar" }, { ISOBAR_STATE_DIR, "/var/lib/isobar" },
		{ ISOBAR_MODELS_DIR, "/usr/share/isobar/models" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t length = strlen(folders[i].built);

		if (strncmp(otherwise, folders[i].built, length) == 0) {
			text_printf(line, " Default: %s%s.", folders[i].named, otherwise + length);
			return;
		}
	}
	text_printf(line, " Default: %s.", otherwise);
}

static void
add_setting(void *arg, const struct schema *schema, const struct setting *s)
{
	struct lines *lines = arg;
	struct text line = { 0 };
	char bounds[MEMBER_BOUNDS_SIZE];

	text_printf(&line, "%s: %s : %s", schema->title, s->key, s->unit);
	if (s->required)
		text_puts(&line, " Required.");
	if (member_bounds(s, bounds))
		text_printf(&line, " F%s.", bounds + 1);
	if (s->otherwise != NULL)
		put_default(&line, s->otherwise);
	for (size_t i = 0; i < lines->count && line.bytes != NULL; i++)
		if (strcmp(lines->list[i], line.bytes) == 0) {	/* a table that stands in two places */
			text_fini(&line);
			return;
		}
	lines_add(lines, text_take(&line));
	for (size_t i = 0; s->words != NULL && s->words[i] != NULL; i++)
		SUITE_ROW(s->words[i], strstr(lines->page, s->words[i]) != NULL);
}

static void
add_page(struct lines *lines, char *page)
{
	struct text line = { 0 };
	char section[80] = "", key[80], unit[80];

	for (char *row = strtok(page, "\n"); row != NULL; row = strtok(NULL, "\n")) {
		bool item = sscanf(row, ".It Ic %79s : Ar %79[^\n]", key, unit) == 2;

		if (line.length > 0 && (item || strncmp(row, ".Ss", 3) == 0 || strncmp(row, ".Sh", 3) == 0))
			lines_add(lines, text_take(&line));
		if (item)
			text_printf(&line, "%s: %s : %s", section, key, unit);
		else if (strncmp(row, ".Ss ", 4) == 0)
			snprintf(section, sizeof(section), "%s", row + 4);
		else if (line.length > 0 && (strcmp(row, "Required.") == 0 || strncmp(row, "From ", 5) == 0 ||
		    strncmp(row, "Default: ", 9) == 0))
			text_printf(&line, " %s", row);
	}
	text_fini(&line);
}

static void
expect_lines(const char *page, const struct lines *lines, const struct lines *in, const char *where)
{
	for (size_t i = 0; i < lines->count; i++) {
		char why[400];
		size_t found = 0;

		for (size_t k = 0; k < in->count; k++)
			found += strcmp(lines->list[i], in->list[k]) == 0;
		snprintf(why, sizeof(why), "%s: '%s' in the %s", page, lines->list[i], where);
		SUITE_ROW(why, found == 1);
	}
}

static void
test_manuals(void)
{
	const char *source = getenv("ISOBAR_SOURCE");

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct lines of_table = { .count = 0 }, of_page = { .count = 0 };
		char path[4096];
		size_t length;
		int error;
		char *text;

		snprintf(path, sizeof(path), "%s/man/%s", source == NULL ? "." : source, pages[i].name);
		text = text_read_file(path, 1 << 20, &length, &error);
		CU_ASSERT_FATAL(text != NULL);
		of_table.page = text;
		schema_visit(pages[i].schema, add_setting, &of_table);
		add_page(&of_page, text);
		expect_lines(pages[i].name, &of_table, &of_page, "manual");
		expect_lines(pages[i].name, &of_page, &of_table, "table");
		CU_ASSERT_EQUAL(of_table.count, of_page.count);
		while (of_table.count > 0)
			free(of_table.list[--of_table.count]);
		while (of_page.count > 0)
			free(of_page.list[--of_page.count]);
		free(text);
	}
}

static const struct suite_case cases[] = {
	{ .name = "isobard: an empty file has all defaults", .run = test_defaults },
	{ .name = "isobard: every key is read", .run = test_values },
	{ .name = "isobard: who watches", .run = test_dnstap },
	{ .name = "isobard: errors and warnings", .run = test_settings_messages },
	{ .name = "agent: only the region is needed", .run = test_agent_defaults },
	{ .name = "agent: every key is read", .run = test_agent_values },
	{ .name = "agent: errors and warnings", .run = test_agent_messages },
	{ .name = "memory that runs out is an error", .run = test_scarce },
	{ .name = "the tables are sound", .run = test_tables },
	{ .name = "manuals and tables name the same keys, units, bounds and defaults", .run = test_manuals },
};

int
main(void)
{
	return suite_run("settings", cases, ARRAY_SIZE(cases));
}
