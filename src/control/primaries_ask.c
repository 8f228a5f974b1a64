/* primaries_ask.c -- one round of a zone: its primaries are asked one after the other until one gives word.
 * In: a zone whose time has come.  Out: nothing newer, or what was transferred, or what is wrong.  Threads: control.
 *
 * The one that answered last comes first. What each is asked:
 *
 *	there's no version, or it's wished for	AXFR, by TCP or TLS
 *	by TLS					IXFR, which tells that there's nothing newer, too: one handshake less
 *	else					the SOA by UDP (and TCP); when that is newer IXFR by TCP
 *
 * A difference that can't be had, or doesn't fit, is followed by AXFR from the same primary. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "control/primaries_parts.h"
#include "control/world_parts.h"
#include "control/zone_settings.h"
#include "transfer/edition.h"

static void ask_next(struct replica *replica);
static void ask_one(struct replica *replica, const struct steering_zone *settings);
static size_t choose(const struct replica *replica, const struct steering_zone *settings);
static size_t answered_last(const struct replica *replica, const struct steering_zone *settings);
static void converse(struct replica *replica, enum incoming_kind kind, bool stream);
static bool start(struct replica *replica, const struct zone_primary *primary, size_t octets_most, bool stream,
	struct text *why);
static const struct zone_primary *primary_of(const struct replica *replica, size_t *octets_most);
static bool key_of(const struct replica *replica, const struct zone_primary *primary, const struct tsig_key **key);
static void on_answer(void *arg, enum incoming_step step, struct incoming *incoming, const char *trouble);
static void compare_serials(struct replica *replica, uint32_t serial);
static void not_this_one(struct replica *replica, const char *trouble);
static void end_round(struct replica *replica);
static void begin_stage(struct replica *replica, enum stage stage);
static void remember(struct replica *replica);
static int store_job(struct store_txn *txn, void *arg);
static void stored(void *arg, int status);

void
replica_ask(struct replica *replica)
{
	const struct world_zone *served = world_find(replica->all->control->world, replica->name);

	replica->asked = 0;
	replica->again = false;
	replica->whole = replica->wants_whole;
	replica->wants_whole = false;
	replica->renewal.notified.ms = 0;
	replica->base = served == NULL ? NULL : (struct world_zone *)(uintptr_t)served;	/* ours */
	if (replica->base != NULL)
		replica->base->holds++;
	begin_stage(replica, STAGE_ASKING);
	ask_next(replica);
}

static void
ask_next(struct replica *replica)
{
	const struct steering_zone *settings = zone_settings(replica->all->control->world, replica->apex);

	if (settings == NULL || replica->asked >= settings->primary_count)
		end_round(replica);
	else
		ask_one(replica, settings);
}

static void
ask_one(struct replica *replica, const struct steering_zone *settings)
{
	replica->which = choose(replica, settings);
	replica->plain = replica->has_option = false;
	if (replica->base == NULL || replica->whole)
		converse(replica, INCOMING_WHOLE, true);
	else if (settings->primaries[replica->which].encrypted)
		converse(replica, INCOMING_DIFFERENCES, true);
	else
		converse(replica, INCOMING_SOA, false);
}

static size_t
choose(const struct replica *replica, const struct steering_zone *settings)
{
	size_t first = answered_last(replica, settings);

	if (replica->asked == 0)
		return first;
	return replica->asked <= first ? replica->asked - 1 : replica->asked;
}

static size_t
answered_last(const struct replica *replica, const struct steering_zone *settings)
{
	for (size_t i = 0; i < settings->primary_count; i++)
		if (replica->from.bits != 0 && settings->primaries[i].port == replica->from_port
		    && memcmp(&settings->primaries[i].address, &replica->from, sizeof(replica->from)) == 0)
			return i;
	return 0;
}

/* --- a conversation ------------------------------------------------------------------------------------------- */

static void
converse(struct replica *replica, enum incoming_kind kind, bool stream)
{
	struct primaries *all = replica->all;
	size_t octets_most;
	const struct zone_primary *primary = primary_of(replica, &octets_most);
	struct text why = { 0 };

	replica->kind = kind;
	replica->stream = stream;
	if (primary == NULL) {
		not_this_one(replica, "the settings have changed");
		return;
	}
	if (kind != INCOMING_SOA && replica->stage != STAGE_TRANSFERRING
	    && all->transferring >= all->control->settings->transfers_in) {
		begin_stage(replica, STAGE_WAITING);
		return;
	}
	begin_stage(replica, kind == INCOMING_SOA ? STAGE_ASKING : STAGE_TRANSFERRING);
	if (!start(replica, primary, octets_most, stream, &why))
		not_this_one(replica, why.bytes == NULL ? "out of memory" : why.bytes);
	text_fini(&why);
}

void
replica_go_on(struct replica *replica)
{
	converse(replica, replica->kind, true);
}

/* NULL: there's no such one any more. */
static const struct zone_primary *
primary_of(const struct replica *replica, size_t *octets_most)
{
	const struct steering_zone *settings = zone_settings(replica->all->control->world, replica->apex);

	if (settings == NULL || replica->which >= settings->primary_count)
		return NULL;
	*octets_most = settings->size_most;
	return &settings->primaries[replica->which];
}

static bool
start(struct replica *replica, const struct zone_primary *primary, size_t octets_most, bool stream, struct text *why)
{
	struct primary_link_wish wish = { .address = primary->address, .port = primary->port, .stream = stream,
		.longest_ms = replica->all->control->settings->transfer_longest_ms };
	struct incoming_wish request = { .kind = replica->kind, .apex = replica->apex,
		.base = replica->base == NULL ? NULL : replica->base->zone, .any_serial = replica->whole,
		.plain = replica->plain, .stream = stream, .padded = primary->encrypted, .octets_most = octets_most };

	if (!key_of(replica, primary, &request.key)) {
		text_printf(why, "there is no TSIG key '%s' in isobar.yaml any more", primary->key);
		return false;
	}
	if (primary->encrypted) {
		wish.tls = tls_client_new(&(struct tls_client_wish){ primary->tls_name, primary->tls_ca_file,
		    primary->pin_count, primary->pins }, why);
		if (wish.tls == NULL)
			return false;
	}
	if (getrandom(&request.id, sizeof(request.id), 0) != sizeof(request.id)
	    || (wish.incoming = incoming_new(&request)) == NULL) {
		tls_client_free(wish.tls);
		return false;
	}
	replica->link = primary_link_new(replica->all->loop, &wish, on_answer, replica);
	if (replica->link == NULL)
		text_puts(why, "there's no socket to ask it by");
	return replica->link != NULL;
}

/* False: it's wanted, and isn't there. */
static bool
key_of(const struct replica *replica, const struct zone_primary *primary, const struct tsig_key **key)
{
	uint8_t name[NAME_MAX];

	*key = NULL;
	if (primary->key == NULL)
		return true;
	if (name_parse(primary->key, name) > 0)
		*key = tsig_key_find(&replica->all->control->tsig_keys, name);
	return *key != NULL;
}

static void
on_answer(void *arg, enum incoming_step step, struct incoming *incoming, const char *trouble)
{
	struct replica *replica = arg;
	uint32_t option;

	replica->link = NULL;
	replica->all->counts.octets += incoming_octets(incoming);
	if (step != INCOMING_FAILED && incoming_expire(incoming, &option)) {
		replica->has_option = true;
		replica->option = option;
	}
	switch (step) {
	case INCOMING_TRUNCATED:
		converse(replica, INCOMING_SOA, true);
		break;
	case INCOMING_AGAIN_PLAIN:
		replica->plain = true;
		converse(replica, replica->kind, replica->kind != INCOMING_SOA);
		break;
	case INCOMING_ANSWERED:
		compare_serials(replica, incoming_serial(incoming));
		break;
	case INCOMING_CURRENT:
		replica->serial = incoming_serial(incoming);
		replica_refreshed(replica);
		break;
	case INCOMING_AGAIN_WHOLE:
		log_info("the zone %s comes whole: %s", replica->name, trouble);
		converse(replica, INCOMING_WHOLE, true);
		break;
	case INCOMING_ZONE:
	case INCOMING_EDITS:
		replica->serial = incoming_serial(incoming);
		replica->octets = incoming_octets(incoming);
		begin_stage(replica, STAGE_BUILDING);
		replica_build(replica, incoming, step);
		return;
	case INCOMING_MORE:
	case INCOMING_FOREIGN:
	case INCOMING_FAILED:
		/* Knot tells nothing of its catalogs by UDP, and all of them by TCP. */
		if (replica->kind == INCOMING_SOA && !replica->stream && incoming_octets(incoming) > 0)
			converse(replica, INCOMING_SOA, true);
		else
			not_this_one(replica, trouble);
		break;
	}
	incoming_free(incoming);
}

static void
compare_serials(struct replica *replica, uint32_t serial)
{
	uint32_t ours = zone_serial(replica->base->zone);
	char why[120];

	replica->all->counts.checked++;
	if (serial == ours) {
		replica->serial = serial;
		replica_refreshed(replica);
	} else if (serial_is_newer(serial, ours)) {
		converse(replica, INCOMING_DIFFERENCES, true);
	} else {
		snprintf(why, sizeof(why), "its serial %u is older than the one in service, %u", (unsigned)serial,
		    (unsigned)ours);
		not_this_one(replica, why);
	}
}

/* --- the end of a round --------------------------------------------------------------------------------------- */

/* The next one, if there's one. The last trouble is told; each is in the log when it's new. */
static void
not_this_one(struct replica *replica, const char *trouble)
{
	size_t octets_most;
	const struct zone_primary *primary = primary_of(replica, &octets_most);
	char address[ADDRESS_TEXT_SIZE], said[sizeof(replica->trouble)];

	snprintf(said, sizeof(said), "primary %s@%u: %s",
	    primary == NULL ? "-" : address_text(&primary->address, address), primary == NULL ? 0u : primary->port,
	    trouble);
	if (strcmp(said, replica->trouble) != 0)
		log_warning("the zone %s isn't renewed: %s", replica->name, said);
	memcpy(replica->trouble, said, sizeof(said));
	replica->asked++;
	ask_next(replica);
}

void
replica_failed(struct replica *replica, const char *trouble)
{
	if (strcmp(trouble, replica->trouble) != 0)
		log_warning("the zone %s isn't renewed: %s", replica->name, trouble);
	snprintf(replica->trouble, sizeof(replica->trouble), "%s", trouble);
	end_round(replica);
}

/* In failure. */
static void
end_round(struct replica *replica)
{
	replica->all->counts.failed++;
	replica->wants_whole |= replica->whole;
	replica->renewal.failures += replica->renewal.failures < UINT32_MAX;
	replica_stop(replica);
}

void
replica_refreshed(struct replica *replica)
{
	const struct steering_zone *settings = zone_settings(replica->all->control->world, replica->apex);
	const struct world_zone *served = world_find(replica->all->control->world, replica->name);
	bool same = replica->base != NULL && served == replica->base;
	size_t octets_most;
	const struct zone_primary *primary = primary_of(replica, &octets_most);
	struct wall now = wall_now();

	if (*replica->trouble != '\0')
		log_info("the zone %s is renewed again", replica->name);
	*replica->trouble = '\0';
	if (primary != NULL) {
		replica->from = primary->address;
		replica->from_port = primary->port;
		replica->encrypted = primary->encrypted;
	}
	if (settings != NULL && served != NULL) {
		replica_set_timers(replica, served->zone);
		replica->renewal.failures = 0;
		replica->renewal.refreshed = now;
		replica->renewal.expires = renewal_expiry(replica->renewal.expire, &settings->bounds,
		    replica->has_option ? &replica->option : NULL,
		    same ? replica->renewal.expires : (struct wall){ 0 }, now);
		lease_set(replica->lease, (uint32_t)(replica->renewal.expires.ms / 1000));
		remember(replica);
	}
	replica_stop(replica);
}

/* Whatever was under way ends; the next round has its time. */
void
replica_stop(struct replica *replica)
{
	const struct steering_zone *settings = zone_settings(replica->all->control->world, replica->apex);

	primary_link_end(replica->link);
	replica->link = NULL;
	if (replica->stage == STAGE_BUILDING || replica->stage == STAGE_CHANGING)
		return;		/* it comes back */
	world_zone_release(replica->base);
	replica->base = NULL;
	primary_version_free(replica->version);
	replica->version = NULL;
	if (replica->stage == STAGE_IDLE)
		return;
	begin_stage(replica, STAGE_IDLE);
	replica->renewal.tried = wall_now();
	if (replica->again && replica->renewal.notified.ms == 0)
		replica->renewal.notified = replica->renewal.tried;
	if (getrandom(&replica->dice, sizeof(replica->dice), 0) != sizeof(replica->dice))
		replica->dice = 0;
	if (settings != NULL)
		replica->next = renewal_next(&replica->renewal, &settings->bounds, replica->dice);
}

static void
begin_stage(struct replica *replica, enum stage stage)
{
	replica->all->asking -= replica->stage == STAGE_ASKING;
	replica->all->transferring -= replica->stage == STAGE_TRANSFERRING;
	replica->stage = stage;
	replica->all->asking += stage == STAGE_ASKING;
	replica->all->transferring += stage == STAGE_TRANSFERRING;
}

/* --- the store ------------------------------------------------------------------------------------------------ */

struct row { struct refresh_row row; char address[ADDRESS_TEXT_SIZE + 8], name[]; };

static void
remember(struct replica *replica)
{
	struct store *store = replica->all->control->store;
	size_t length = strlen(replica->name) + 1;
	struct row *row = store == NULL ? NULL : malloc(sizeof(*row) + length);
	char address[ADDRESS_TEXT_SIZE];

	if (row == NULL)
		return;
	memcpy(row->name, replica->name, length);
	snprintf(row->address, sizeof(row->address), "%s@%u", address_text(&replica->from, address),
	    replica->from_port);
	row->row = (struct refresh_row){ row->name, replica->renewal.refreshed, replica->renewal.expires, row->address,
	    replica->serial };
	if (!store_submit(store, store_job, stored, row))
		stored(row, -EAGAIN);
}

static int
store_job(struct store_txn *txn, void *arg)
{
	const struct row *row = arg;

	return store_refresh_put(txn, &row->row);
}

static void
stored(void *arg, int status)
{
	const struct row *row = arg;

	if (status != 0)
		log_warning("that there was word of the zone %s wasn't stored: after a restart it expires earlier",
		    row->name);
	free(arg);
}
