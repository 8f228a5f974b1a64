/* signzone.c -- signs a zone file as isobard does, for tests that show the result to other people's validators.
 *
 *	signzone APEX FILE nsec|nsec3 THREADS OWNER|- KEY... >SIGNED
 *
 * KEY is K<zone>+<alg>+<tag>, of dnssec-keygen or ldns-keygen; one key is taken as CSK. OWNER, unless "-", is steered: its
 * regions are what lies under _region.OWNER, and the result has the first one's records in its place, as a copy for
 * secondaries has. How long it took, and memory, go to the standard error; with ISOBAR_SIGN_TWICE it signs twice. */
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/signer.h"
#include "zone/master.h"

#define KEYS_MAX 4
#define REGIONS_MAX 16

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "signzone: %s: %s\n", what, why == NULL ? "failed" : why);
	exit(1);
}

static char *
read_file(const char *path, const char *ending)
{
	char name[1000];
	size_t length;
	int error;
	char *text;

	snprintf(name, sizeof(name), "%s%s", path, ending);
	text = text_read_file(name, (size_t)1 << 30, &length, &error);
	if (text == NULL)
		fail(name, strerror(-error));
	return text;
}

static void
read_key(struct key *key, const uint8_t *apex, const char *path)
{
	char *public_text = read_file(path, ".key"), *private_text = read_file(path, ".private"), *line = public_text;
	uint8_t rdata[4 + KEY_PUBLIC_MAX];
	size_t length = 0;
	struct text why = { 0 };
	ldns_rr *rr = NULL;

	while (*line == ';')
		line = strchr(line, '\n') + 1;
	if (ldns_rr_new_frm_str(&rr, line, 3600, NULL, NULL) != LDNS_STATUS_OK)
		fail(path, "no DNSKEY");
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		memcpy(rdata + length, ldns_rdf_data(ldns_rr_rdf(rr, i)), ldns_rdf_size(ldns_rr_rdf(rr, i)));
		length += ldns_rdf_size(ldns_rr_rdf(rr, i));
	}
	if (!key_read(key, apex, rdata, length, private_text, NULL, &why))
		fail(path, why.bytes);
	key->times.published = key->times.active = key->times.offered = (struct wall){ 1000 };
	ldns_rr_free(rr);
	free(public_text);
	free(private_text);
}

static size_t
find_regions(const struct zone *zone, const struct node *owner, const struct node **regions)
{
	size_t count = 0;

	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		if (node->parent != NULL && node->parent->parent == owner && (node->flags & NODE_REGION_RECORD)
		    && count < REGIONS_MAX)
			regions[count++] = node;
	}
	return count;
}

/* The zone as a secondary has it: the steered name with the records of one region. */
static void
write_copy(const struct signed_zone *result, const uint8_t *owner, struct text *out)
{
	const struct node *variant = result->names[0].variants[0];

	for (unsigned s = 0; s < variant->rrset_count; s++) {
		const struct rrset *set = &variant->rrsets[s];
		struct rrset signatures;
		const uint8_t *wire = set->wire;

		for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire)) {
			master_write_rr(owner, set->type, set->ttl, wire + 2, wire_get_u16(wire), out);
			text_puts(out, "\n");
		}
		if (!rrset_signatures(set, &signatures))
			continue;
		wire = signatures.wire;
		for (unsigned i = 0; i < signatures.count; i++, wire += 2 + wire_get_u16(wire)) {
			master_write_rr(owner, TYPE_RRSIG, set->ttl, wire + 2, wire_get_u16(wire), out);
			text_puts(out, "\n");
		}
	}
}

static struct signed_zone *
sign(const struct signing *signing, struct signature_cache *cache)
{
	struct text why = { 0 };
	struct mono start = mono_now();
	struct signed_zone *result = zone_sign(signing, cache, &why);
	struct rusage usage;

	if (result == NULL)
		fail("zone_sign", why.bytes);
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%zu signatures, %zu made, %.2f s, %zu MB of zone, %ld MB at most\n", result->signatures, result->made,
	    (double)mono_ms_between(start, mono_now()) / 1000, zone_memory(result->zone) >> 20, usage.ru_maxrss >> 10);
	return result;
}

int
main(int argc, char **argv)
{
	struct key keys[KEYS_MAX];
	struct steered_name name;
	const struct node *regions[REGIONS_MAX];
	struct signing signing = { .policy = SIGNING_POLICY_DEFAULT, .keys = keys, .names = &name, .now = wall_now() };
	struct signature_cache *cache = signature_cache_new();
	uint8_t apex[NAME_MAX], owner[NAME_MAX];
	struct diags diags = { 0 };
	struct text out = { 0 };
	struct signed_zone *result;
	struct zone *zone;
	char *text;

	if (argc < 7 || argc > 6 + KEYS_MAX || name_parse(argv[1], apex) == 0 || cache == NULL)
		fail("usage", "signzone APEX FILE nsec|nsec3 THREADS OWNER|- KEY...");
	text = read_file(argv[2], "");
	zone = master_read(text, argv[2], apex, &diags);
	free(text);
	if (zone == NULL) {
		diag_print(&diags, &out);
		fail(argv[2], out.bytes);
	}
	signing.zone = zone;
	signing.policy.denial = strcmp(argv[3], "nsec3") == 0 ? DENIAL_NSEC3 : DENIAL_NSEC;
	signing.threads = (unsigned)atoi(argv[4]);
	if (strcmp(argv[5], "-") != 0 && name_parse(argv[5], owner) > 0) {
		name = (struct steered_name){ .owner = zone_find_name(zone, owner), .variants = regions };
		if (name.owner == NULL)
			fail(argv[5], "no such name");
		name.variant_count = find_regions(zone, name.owner, regions);
		signing.name_count = 1;
	}
	for (int i = 6; i < argc; i++)
		read_key(&keys[signing.key_count++], apex, argv[i]);
	if (signing.key_count == 1)
		keys[0].role = KEY_CSK;
	result = sign(&signing, cache);
	if (getenv("ISOBAR_SIGN_TWICE") != NULL) {
		signed_zone_release(result);
		result = sign(&signing, cache);
	}
	master_write(result->zone, &out);
	if (signing.name_count > 0)
		write_copy(result, owner, &out);
	if (out.failed || fwrite(out.bytes, 1, out.length, stdout) != out.length || fflush(stdout) != 0)
		fail("output", NULL);
	text_fini(&out);
	signed_zone_release(result);
	signature_cache_free(cache);
	for (size_t i = 0; i < signing.key_count; i++)
		key_fini(&keys[i]);
	zone_release(zone);
	diag_fini(&diags);
	return 0;
}
