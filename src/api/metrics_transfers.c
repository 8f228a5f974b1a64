/* metrics_transfers.c -- see metrics_parts.h: zones on their way to secondaries, and how far those have come.
 * In: the counters of all workers, what NOTIFY came to, what was fetched.  Out: text.  Threads: control. */
#include <stdlib.h>

#include "api/metrics_parts.h"
#include "api/secondary.h"

static void add_counters(struct exposition *x);
static void add_notify(struct exposition *x);
static void add_serials(struct exposition *x);
static void add_lagging(struct exposition *x);

void
metrics_transfers(struct exposition *x)
{
	add_counters(x);
	add_notify(x);
	add_serials(x);
	add_lagging(x);
}

static void
add_counters(struct exposition *x)
{
	static const char *const kinds[TRANSFER_KINDS] = { "full", "differences", "current" };
	struct counters counters = { 0 };

	server_counters(control_server(x->request->control), &counters);
	metric_family(x->out, "isobar_transfers_total", "counter", "Zone transfers that were begun, by what was sent.");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		metric_sample(x->out, "isobar_transfers_total", (double)counters.transfers[i], "kind", kinds[i], NULL,
		    NULL);
	metric_single(x->out, "isobar_transfers_running", "gauge", "Zone transfers under way.",
	    transfer_desk_running(server_desk(control_server(x->request->control))));
	metric_single(x->out, "isobar_transfers_refused_total", "counter",
	    "Zone transfers that rules or limits forbade.", (double)counters.transfers_refused);
	metric_family(x->out, "isobar_tsig_total", "counter", "Requests with TSIG, by whether it was good.");
	metric_sample(x->out, "isobar_tsig_total", (double)counters.tsig[0], "result", "good", NULL, NULL);
	metric_sample(x->out, "isobar_tsig_total", (double)counters.tsig[1], "result", "bad", NULL, NULL);
}

static void
add_notify(struct exposition *x)
{
	const struct notifier *notifier = secondaries_notifier(control_secondaries(x->request->control));
	uint64_t sent = 0, answered = 0, refused = 0;

	if (notifier != NULL)
		notifier_counts(notifier, &sent, &answered, &refused);
	metric_single(x->out, "isobar_notify_sent_total", "counter", "NOTIFY requests sent, with those sent again.",
	    (double)sent);
	metric_family(x->out, "isobar_notify_answered_total", "counter",
	    "Answers to NOTIFY, by whether they were good.");
	metric_sample(x->out, "isobar_notify_answered_total", (double)(answered - refused), "result", "good", NULL,
	    NULL);
	metric_sample(x->out, "isobar_notify_answered_total", (double)refused, "result", "refused", NULL, NULL);
}

static void
add_serials(struct exposition *x)
{
	const struct secondaries *secondaries = control_secondaries(x->request->control);
	static const char name[] = "isobar_zone_told_serial";
	char text[NAME_TEXT_SIZE];

	metric_family(x->out, name, "gauge", "The serial that secondaries of the zone are told.");
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++) {
		const uint8_t *apex = zone_apex(x->scene.snapshot->zones[i])->name;
		struct secondaries_view view;

		if (secondaries_view(secondaries, apex, &view))
			metric_sample(x->out, name, view.serial, "zone", name_text(apex, text), NULL, NULL);
	}
}

/* Zones that nobody came for, and that nobody is told of, have no sample. */
static void
add_lagging(struct exposition *x)
{
	static const char name[] = "isobar_zone_secondaries_lagging";
	const struct control *control = x->request->control;
	struct secondary_records records;
	char text[NAME_TEXT_SIZE];

	metric_family(x->out, name, "gauge",
	    "Secondaries that fetched an older serial than the present, or that NOTIFY reaches in vain.");
	if (!secondary_records_read(control, &records))
		return;
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++) {
		const uint8_t *apex = zone_apex(x->scene.snapshot->zones[i])->name;
		struct secondaries_view view;
		size_t count = 0, lagging = 0;
		struct secondary *list = !secondaries_view(control_secondaries(control), apex, &view) ? NULL
		    : secondaries_of_zone(control, &records, apex, &count);

		for (size_t k = 0; k < count; k++)
			lagging += list[k].lags;
		if (count > 0)
			metric_sample(x->out, name, (double)lagging, "zone", name_text(apex, text), NULL, NULL);
		free(list);
	}
	secondary_records_free(&records);
}
