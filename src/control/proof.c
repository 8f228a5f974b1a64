/* proof.c -- residency, proven for a world before it's served: by running what answers run.
 * In: a world.  Out: errors, warnings, how much was looked at.  Threads: any that owns the world.
 *
 * Clients are of one kind when the law leaves them the same regions and the same table chooses among them
 * (proof_kinds.c). What a worker does for a kind depends on the slot's list, the type's regions and the live words
 * only, so lists, not slots, are gone through; and a loss changes what a list does only when the list holds something
 * lost, or when it was at its end already. So all losses together cost a few picks for each list.
 *
 * Kinds and lists are told apart by the compiled masks and tables. So that a fault in these doesn't prove itself,
 * clients in each network and country are also taken the whole way that a query goes, and judged by the rules as they
 * are written: proof_places.c; where an address is known to be of a kind, from that address on. */
#include "control/proof.h"

#include <stdlib.h>
#include <string.h>

#include "control/proof_parts.h"
#include "control/publish.h"
#include "serve/steered.h"
#include "steer/law.h"

static void ignore_event(void *arg, const struct health_event *event);
static bool list_losses(struct prover *p);
static void add_loss(struct prover *p, const char *name, bool risk_group, region_id region);
static void prove_service(struct prover *p, const struct service *service);
static void list_lists(struct prover *p, const struct kind *kind);
static int compare_lists(const void *a, const void *b);
static void prove_kind(struct prover *p, const struct kind *kind, struct region_set able);
static void prove_list(struct prover *p, const struct kind *kind, struct region_set able, const struct slot *slot);
static bool prove_pick(struct prover *p, const struct kind *kind, struct region_set able, const struct slot *slot,
	const struct loss *loss);
static void prove_address(struct prover *p, const struct kind *kind, uint16_t type);

bool
residency_prove(const struct world *world, const char *file, struct diags *diags, struct proof *proof)
{
	struct publisher publisher = { .worker_count = 1 };
	struct round *round = round_new(ignore_event, NULL);
	struct candidate candidate = { 0 };
	struct text why = { 0 };
	bool done = round != NULL && publish_build(&publisher, world, round, NULL, NULL, &candidate, &why);

	memset(proof, 0, sizeof(*proof));
	done = done && residency_prove_snapshot(world, candidate.snapshot, file, diags, proof);
	if (!done)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "the tables can't be built: %s",
		    why.length == 0 ? "out of memory" : why.bytes);
	candidate_fini(&candidate);
	round_free(round);
	text_fini(&why);
	return done;
}

bool
residency_prove_snapshot(const struct world *world, const struct snapshot *snapshot, const char *file,
	struct diags *diags, struct proof *proof)
{
	struct prover p = { .world = world, .snapshot = snapshot, .file = file, .diags = diags, .proof = proof,
		.arena = arena_new() };

	memset(proof, 0, sizeof(*proof));
	p.failed = p.arena == NULL;
	if (!p.failed && list_losses(&p))
		proof_spots(&p);
	for (size_t s = 0; s < snapshot->service_count && !p.failed; s++)
		prove_service(&p, &snapshot->services[s]);
	free(p.kinds);
	free(p.lists);
	free(p.spots);
	arena_free(p.arena);
	return !p.failed;
}

static void
ignore_event(void *arg, const struct health_event *event)
{
	(void)arg;
	(void)event;
}

static bool
list_losses(struct prover *p)
{
	const struct steering *steering = p->snapshot->steering;
	size_t most = 1 + steering->region_count;

	for (size_t r = 0; r < steering->region_count; r++)
		most += steering->regions[r].risk_group_count;
	p->losses = arena_alloc(p->arena, most * sizeof(*p->losses));
	p->failed = p->losses == NULL;
	if (p->failed)
		return false;
	add_loss(p, "", false, NO_REGION);
	for (size_t r = 0; r < steering->region_count; r++)
		add_loss(p, steering->regions[r].name, false, (region_id)r);
	for (size_t r = 0; r < steering->region_count; r++)
		for (size_t k = 0; k < steering->regions[r].risk_group_count; k++)
			add_loss(p, steering->regions[r].risk_groups[k], true, (region_id)r);
	p->proof->losses = p->loss_count;
	return true;
}

static void
add_loss(struct prover *p, const char *name, bool risk_group, region_id region)
{
	size_t at = 0;
	struct loss *loss;

	while (at < p->loss_count && (p->losses[at].risk_group != risk_group || strcmp(p->losses[at].name, name) != 0))
		at++;
	loss = &p->losses[at];
	if (at == p->loss_count) {
		p->loss_count++;
		loss->name = name;
		loss->risk_group = risk_group;
		for (unsigned r = 0; r < REGIONS_MAX; r++)
			live_set_admit(&loss->live, (region_id)r, ADMIT_ALL);
	}
	if (region != NO_REGION) {
		region_set_add(&loss->regions, region);
		live_set_dead(&loss->live, region, true);
	}
}

static void
prove_service(struct prover *p, const struct service *service)
{
	const struct slot_table *listed = NULL;

	p->service = service;
	proof_kinds(p);
	p->proof->kinds += p->kind_count;
	for (size_t i = 0; i < p->kind_count && !p->failed; i++) {
		const struct kind *kind = &p->kinds[i];

		if (kind->table != listed && kind->slot == UINT32_MAX) {
			list_lists(p, kind);
			listed = kind->table;
		}
		for (size_t t = 0; t < service->type_count && !p->failed; t++) {
			prove_kind(p, kind, service->types[t].regions);
			if (kind->located)
				prove_address(p, kind, service->types[t].type);
		}
	}
	proof_places(p);
	proof_warn(p);
}

static void
list_lists(struct prover *p, const struct kind *kind)
{
	size_t count = (size_t)kind->table->count + kind->table->heavy_count, kept = 0;
	uint32_t *lists = realloc(p->lists, count * sizeof(*lists));

	if (lists == NULL) {
		p->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		memcpy(&lists[i], kind->table->slots[i].list, sizeof(*lists));
	qsort(lists, count, sizeof(*lists), compare_lists);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || lists[kept - 1] != lists[i])
			lists[kept++] = lists[i];
	p->lists = lists;
	p->list_count = kept;
}

static int
compare_lists(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
prove_kind(struct prover *p, const struct kind *kind, struct region_set able)
{
	struct slot slot = { .rank = 0 };

	if (kind->slot != UINT32_MAX) {
		prove_list(p, kind, able, &kind->table->slots[kind->slot]);
		return;
	}
	for (size_t i = 0; i < p->list_count; i++) {
		memcpy(slot.list, &p->lists[i], sizeof(slot.list));
		prove_list(p, kind, able, &slot);
	}
}

static void
prove_list(struct prover *p, const struct kind *kind, struct region_set able, const struct slot *slot)
{
	struct region_set listed = { { 0 } };
	bool from_list = prove_pick(p, kind, able, slot, &p->losses[0]);

	for (unsigned i = 0; i < SLOT_LIST && slot->list[i] != NO_REGION; i++)
		region_set_add(&listed, slot->list[i]);
	for (size_t i = 1; i < p->loss_count; i++)
		if (!from_list || !region_set_is_empty(region_set_and(listed, p->losses[i].regions)))
			(void)prove_pick(p, kind, able, slot, &p->losses[i]);
}

/* Was it from the list? */
static bool
prove_pick(struct prover *p, const struct kind *kind, struct region_set able, const struct slot *slot,
	const struct loss *loss)
{
	struct pick_question question = {
		.slot = slot, .rank = slot->rank, .live = &loss->live, .legal = kind->legal, .able = able,
		.order = p->service->order, .order_count = p->service->order_count,
		.when_all_down = p->service->intent->when_all_down,
	};
	struct pick pick = slots_pick(&question);

	p->proof->picks++;
	if (!proof_is_lawful(p->service, &pick, region_set_and(kind->legal, able), loss->regions, false))
		proof_refuse(p, kind->name, loss->name, &pick);
	return pick.outcome == PICK_LISTED;
}

bool
proof_is_lawful(const struct service *service, const struct pick *pick, struct region_set possible,
	struct region_set lost, bool drained)
{
	enum when_all_down wanted = service->intent->when_all_down;
	struct region_set alive = region_set_minus(possible, lost);

	if (!region_set_is_empty(alive))
		return (drained ? pick->outcome == PICK_DRAINED
		    : pick->outcome == PICK_LISTED || pick->outcome == PICK_BEYOND_LIST)
		    && region_set_has(&alive, pick->region);
	if (region_set_is_empty(possible))
		return pick->outcome == PICK_NONE_LEGAL && pick->region == NO_REGION;
	if (wanted == ALL_DOWN_SERVE_LEGAL)
		return pick->outcome == PICK_ALL_DOWN && region_set_has(&possible, pick->region);
	return pick->region == NO_REGION
	    && pick->outcome == (wanted == ALL_DOWN_NODATA ? PICK_NODATA : PICK_SERVFAIL);
}

/* The whole way that a query goes, judged by the rules as they are written. The snapshot's live words are ours. */
static void
prove_address(struct prover *p, const struct kind *kind, uint16_t type)
{
	struct steered_client client = { kind->address, (uint8_t)(kind->address.bits == 32 ? 32 : 48) };
	const struct geo *geo = p->world->geo == NULL ? NULL : p->world->geo->geo;

	for (size_t i = 0; i < p->loss_count; i++) {
		struct steered chosen;

		for (size_t r = 0; r < p->snapshot->steering->region_count; r++)
			live_set_dead(p->service->live, (region_id)r,
			    region_set_has(&p->losses[i].regions, (region_id)r));
		steered_choose(&chosen, p->snapshot, p->service, &client, type, NULL);
		p->proof->picks++;
		if (chosen.pick.region != NO_REGION && !law_allows(p->snapshot->steering, p->service->intent, geo,
		    &kind->address, chosen.pick.region))
			proof_refuse(p, kind->name, p->losses[i].name, &chosen.pick);
	}
	for (size_t r = 0; r < p->snapshot->steering->region_count; r++)
		live_set_dead(p->service->live, (region_id)r, false);
}

void
proof_refuse(struct prover *p, const char *clients, const char *lost, const struct pick *pick)
{
	diag_error(p->diags, (struct diag_place){ .file = p->file, .line = p->service->intent->line }, NULL,
	    "%s: clients of '%s' would get %s%s%s, against the law: this is a fault of isobard",
	    p->service->intent->name, clients,
	    pick->region == NO_REGION ? "no answer" : p->snapshot->steering->regions[pick->region].name,
	    lost[0] == '\0' ? "" : " when this is lost: ", lost);
}
