/* outside.c -- see outside.h.
 * In: a snapshot's region records.  Out: one verdict for each (service, region) asked for.  Threads: control.
 * A sweep owns copies of all that it asks for, so a snapshot may go while its probes are under way. */
#include "control/outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "http/prober.h"

struct outside {
	struct prober *prober;
	outside_fn *done;
	void *arg;
	struct sweep *sweeps;
};

/* All addresses of one (service, region). */
struct sweep {
	struct sweep *next, **link;
	struct outside *outside;
	char *region, *service;
	unsigned left;
	bool healthy, failed;
	char detail[128];
	char *host, *path;
};

static unsigned start_probes(struct sweep *sweep, const struct steering_service *intent, const struct rrset *set,
	uint32_t timeout_ms);
static void on_result(void *arg, const struct probe_result *result);
static void sweep_free(struct sweep *sweep);

struct outside *
outside_new(uv_loop_t *loop, outside_fn *done, void *arg)
{
	struct outside *outside = calloc(1, sizeof(*outside));

	if (outside == NULL)
		return NULL;
	outside->prober = prober_new(loop);
	outside->done = done;
	outside->arg = arg;
	if (outside->prober == NULL) {
		free(outside);
		return NULL;
	}
	return outside;
}

void
outside_free(struct outside *outside)
{
	if (outside == NULL)
		return;
	prober_free(outside->prober);
	while (outside->sweeps != NULL)
		sweep_free(outside->sweeps);
	free(outside);
}

void
outside_probe(struct outside *outside, const struct snapshot *snapshot, size_t service, region_id region,
	uint32_t timeout_ms)
{
	const struct service *s = &snapshot->services[service];
	const struct node *variant = s->variants[region];
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	struct sweep *sweep;

	if (variant == NULL)
		return;
	sweep = calloc(1, sizeof(*sweep));
	if (sweep == NULL)
		return;
	sweep->outside = outside;
	sweep->region = strdup(snapshot->steering->regions[region].name);
	sweep->service = strdup(s->intent->name);
	sweep->host = strdup(s->intent->name);
	sweep->path = s->intent->probe_path == NULL ? NULL : strdup(s->intent->probe_path);
	sweep->next = outside->sweeps;
	sweep->link = &outside->sweeps;
	if (sweep->next != NULL)
		sweep->next->link = &sweep->next;
	outside->sweeps = sweep;
	if (sweep->region == NULL || sweep->service == NULL || sweep->host == NULL
	    || (sweep->path == NULL && s->intent->probe_path != NULL)) {
		sweep_free(sweep);
		return;
	}
	sweep->host[strlen(sweep->host) - 1] = '\0';	/* HTTP's Host has no final dot */
	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		const struct rrset *set = node_rrset(variant, types[t]);

		if (set != NULL)
			sweep->left += start_probes(sweep, s->intent, set, timeout_ms);
	}
	if (sweep->left == 0)
		sweep_free(sweep);
}

static unsigned
start_probes(struct sweep *sweep, const struct steering_service *intent, const struct rrset *set, uint32_t timeout_ms)
{
	const uint8_t *wire = set->wire;
	unsigned started = 0;

	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire)) {
		struct probe_target target = {
			.scheme = intent->probe == PROBE_TCP ? PROBE_SCHEME_TCP
				: intent->probe == PROBE_HTTP ? PROBE_SCHEME_HTTP : PROBE_SCHEME_HTTPS,
			.port = intent->probe_port, .host = sweep->host, .path = sweep->path, .timeout_ms = timeout_ms,
		};

		target.address.bits = set->type == TYPE_A ? 32 : 128;
		memcpy(target.address.bytes, wire + 2, target.address.bits / 8);
		prober_start(sweep->outside->prober, &target, on_result, sweep);
		started++;
	}
	return started;
}

static void
on_result(void *arg, const struct probe_result *result)
{
	struct sweep *sweep = arg;

	if (result->healthy) {
		sweep->healthy = true;
	} else if (!result->unknown) {
		sweep->failed = true;
		snprintf(sweep->detail, sizeof(sweep->detail), "%s", result->detail);
	}
	if (--sweep->left > 0)
		return;
	if (sweep->healthy || sweep->failed)
		sweep->outside->done(sweep->outside->arg, sweep->region, sweep->service, sweep->healthy, sweep->detail);
	sweep_free(sweep);
}

static void
sweep_free(struct sweep *sweep)
{
	*sweep->link = sweep->next;
	if (sweep->next != NULL)
		sweep->next->link = sweep->link;
	free(sweep->region);
	free(sweep->service);
	free(sweep->host);
	free(sweep->path);
	free(sweep);
}
