/* sample_world.h -- one world with something of everything that answers are made of, for tests that ask at random, for
 * the fuzz target and for the benchmark. */
#ifndef ISOBAR_TESTS_SAMPLE_WORLD_H
#define ISOBAR_TESTS_SAMPLE_WORLD_H

#include <unistd.h>

#include "mmdb.h"
#include "world.h"

#define SAMPLE_APEX "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"

static const struct world_parts sample_parts = {
	.zones = {
		{ "example.com.", SAMPLE_APEX
		    "www 60 A 192.0.2.1\nwww 60 AAAA 2001:db8::1\nalias 60 CNAME www\naway 60 CNAME www.example.net.\n"
		    "*.wild 60 TXT x\n*.wild 60 MX 10 mail\nsub.*.wild 60 A 192.0.2.2\nloop 60 CNAME pool\npool 60 "
		    "CNAME loop\n"
		    "dname 60 DNAME wild\nlong 60 DNAME a-label-that-makes-names-long.and-another-one-of-them.wild\n"
		    "mail 60 A 192.0.2.25\nmail 60 MX 10 mail\nmail 60 MX 20 ns\n_sip._tcp 60 SRV 1 2 5060 mail\n"
		    "a.deep.tree.of.names 60 A 192.0.2.3\n"
		    "child 60 NS ns.child\nchild 60 NS ns2.child\nchild 60 NS ns\nns.child 60 A 192.0.2.3\nns2.child "
		    "60 AAAA ::1\n"
		    "child 60 DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 a\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 b\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 c\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 d\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 e\n"
		    "many 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789 f\n"
		    "eu._region.sticky 60 A 192.0.2.1\nus._region.sticky 60 A 198.51.100.1\n"
		    "eu._region.turn 60 A 192.0.2.1\nus._region.turn 60 CNAME www\n"
		    "eu._region.near 60 AAAA ::1\nus._region.near 60 AAAA ::2\neu._region.near 60 HTTPS 1 . "
		    "alpn=h2\n" },
		{ "nested.example.com.", SAMPLE_APEX "www 60 A 192.0.2.20\n*.x 60 CNAME www\n" },
		{ "example.org.", SAMPLE_APEX },
	},
	.steering = "regions: {eu: {location: {latitude: 50, longitude: 8}}, us: {location: {latitude: 39, longitude: "
	    "-77}}}\n"
		"client-groups: {germany: {countries: [DE]}, office: {networks: [10.0.0.0/8, "
		    "'2001:db8::/32']}}\nservices:\n"
		"  sticky.example.com: {sharding-policy: weighted-random, regions: {eu: , us: },"
		" residency: [{clients: [germany], regions: [eu]}]}\n"
		"  turn.example.com: {sharding-policy: round-robin, regions: {eu: , us: }, when-all-down: nodata}\n"
		"  near.example.com: {sharding-policy: geographic, regions: {eu: , us: }, when-all-down: servfail}\n",
};

static const char *const sample_questions[] = {
	"www.example.com. A", "www.example.com. MX", "alias.example.com. A", "away.example.com. A",
	    "loop.example.com. A",
	"x.wild.example.com. TXT", "wild.example.com. A", "sub.y.wild.example.com. MX", "y.dname.example.com. TXT",
	"a.b.long.example.com. MX", "z.child.example.com. A", "child.example.com. DS", "mail.example.com. MX",
	"_sip._tcp.example.com. SRV", "tree.of.names.example.com. A", "many.example.com. TXT", "nothere.example.com. A",
	"www.example.com. ANY", "www.example.net. A", "example.com. SOA", "example.com. NS", "example.com. AXFR",
	"www.nested.example.com. A", "q.x.nested.example.com. A", "nested.example.com. DS", "com. A", ". NS",
	"sticky.example.com. A", "sticky.example.com. AAAA", "turn.example.com. A", "turn.example.com. TXT",
	"near.example.com. AAAA", "near.example.com. HTTPS", "near.example.com. ANY",
	    "eu._region.sticky.example.com. A",
};
static const struct ask sample_asks[] = {
	{ .edns = false }, { .dnssec_ok = true }, { .subnet = "192.0.2.0/24" }, { .subnet = "2001:db8:1:200::/56" },
	{ .subnet = "10.1.2.0/24" }, { .subnet = "0.0.0.0/0" }, { .client = "2001:db8:99::1", .payload = 512 },
	{ .payload = 4096 }, { .stream = true }, { .stream = true, .subnet = "198.51.100.0/24" },
};

#define SAMPLE_REQUESTS (ARRAY_SIZE(sample_questions) * ARRAY_SIZE(sample_asks))

struct sample {
	struct world world;
	struct geo *geo;
	uint8_t requests[SAMPLE_REQUESTS][600];
	size_t lengths[SAMPLE_REQUESTS];
	struct answer_env envs[SAMPLE_REQUESTS];
};

static inline struct sample *
sample_open(void)
{
	static const struct mmdb_entry countries[] = { { "192.0.2.0/24", "DE" }, { "198.51.100.0/24", "US" } };
	struct sample *sample = malloc(sizeof(*sample));
	struct world_parts parts = sample_parts;
	struct text error = { 0 };
	char path[100];

	snprintf(path, sizeof(path), "/tmp/isobar-sample-%ld.mmdb", (long)getpid());
	mmdb_write(path, 6, MMDB_NESTED, countries, ARRAY_SIZE(countries));
	sample->geo = geo_open(path, &error);
	parts.geo = sample->geo;
	if (sample->geo == NULL)
		abort();
	unlink(path);
	world_open(&sample->world, parts);
	for (size_t i = 0; i < SAMPLE_REQUESTS; i++) {
		struct ask ask = sample_asks[i % ARRAY_SIZE(sample_asks)];

		sample->lengths[i] = world_request(sample->requests[i], sample_questions[i / ARRAY_SIZE(sample_asks)],
		    ask);
		sample->envs[i] = world_env(&sample->world, ask);
	}
	return sample;
}

/* The response's counts and records end exactly with it. */
static inline bool
sample_is_whole(const uint8_t *response, size_t length)
{
	struct wire_reader r = { .bytes = response, .size = length, .at = 4 };
	unsigned questions = wire_u16(&r), records = wire_u16(&r);

	records += wire_u16(&r);
	records += wire_u16(&r);
	for (; questions + records > 0 && !r.failed; questions > 0 ? questions-- : records--) {
		uint8_t label;

		while ((label = wire_u8(&r)) != 0 && label < 0xc0)
			wire_bytes(&r, label);
		if (label >= 0xc0)
			wire_u8(&r);
		wire_bytes(&r, questions > 0 ? 4 : 8);
		if (questions == 0)
			wire_bytes(&r, wire_u16(&r));
	}
	return !r.failed && r.at == length;
}

static inline void
sample_close(struct sample *sample)
{
	world_close(&sample->world);
	geo_close(sample->geo);
	free(sample);
}

#endif
