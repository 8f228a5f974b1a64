/* test_clients.c -- serve/clients: limits, and the table against plain counting through comings and goings that
 * collide. */
#include "serve/clients.h"

#include "suite.h"

#define ADDRESSES 40

static struct address
address_at(unsigned i)
{
	return (struct address){ .bits = 32, .bytes = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
}

static void
test_limits(void)
{
	struct clients *clients = clients_new(&(struct clients_limits){ 5, 3, 32, 128 });
	struct address a = address_at(1), b = address_at(2), c = address_at(3);

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(clients_enter(clients, &a), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &a), CLIENTS_PREFIX_FULL);
	CU_ASSERT_EQUAL(clients_enter(clients, &b), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &b), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &c), CLIENTS_FULL);
	CU_ASSERT_EQUAL(clients_count(clients), 5);
	clients_leave(clients, &a);
	CU_ASSERT_EQUAL(clients_enter(clients, &c), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &a), CLIENTS_FULL);
	CU_ASSERT_EQUAL(clients_count(clients), 5);
	clients_free(clients);
	clients_free(NULL);
	clients = clients_new(&(struct clients_limits){ 0, 10, 32, 128 });
	CU_ASSERT_EQUAL(clients_enter(clients, &a), CLIENTS_FULL);
	clients_free(clients);
}

static struct address
address_of(const char *text)
{
	struct address address;

	if (address_parse(text, &address) != 0)
		abort();
	return address;
}

static void
test_prefixes(void)
{
	static const struct { const char *name, *first, *second; bool same; } rows[] = {
		{ "one /24", "192.0.2.1", "192.0.2.255", true },
		{ "the next /24", "192.0.2.255", "192.0.3.0", false },
		{ "one /56", "2001:db8:0:ff::1", "2001:db8:0:0:1::", true },
		{ "the next /56", "2001:db8:0:ff::1", "2001:db8:0:100::", false },
		{ "the same octets, another family", "32.1.13.184", "2001:db8::", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct clients *clients = clients_new(&(struct clients_limits){ 10, 1, 24, 56 });
		struct address first = address_of(rows[i].first), second = address_of(rows[i].second);

		SUITE_ROW(rows[i].name, clients_enter(clients, &first) == CLIENTS_WITHIN);
		SUITE_ROW(rows[i].name, clients_enter(clients, &second)
		    == (rows[i].same ? CLIENTS_PREFIX_FULL : CLIENTS_WITHIN));
		clients_leave(clients, &first);
		SUITE_ROW(rows[i].name, clients_count(clients) == !rows[i].same);
		clients_free(clients);
	}
}

/* Those of proxies: in all from the beginning, in a prefix once it's known. */
static void
test_unknown(void)
{
	struct clients *clients = clients_new(&(struct clients_limits){ 3, 1, 24, 56 });
	struct address nobody = { .bits = 0 }, a = address_at(1);

	CU_ASSERT_EQUAL(clients_enter(clients, &nobody), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &nobody), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &nobody), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_enter(clients, &nobody), CLIENTS_FULL);
	CU_ASSERT_EQUAL(clients_name(clients, &a), CLIENTS_WITHIN);
	CU_ASSERT_EQUAL(clients_name(clients, &a), CLIENTS_PREFIX_FULL);
	CU_ASSERT_EQUAL(clients_count(clients), 3);
	clients_leave(clients, &nobody);
	clients_leave(clients, &a);
	CU_ASSERT_EQUAL(clients_count(clients), 1);
	CU_ASSERT_EQUAL(clients_enter(clients, &a), CLIENTS_WITHIN);
	clients_free(clients);
}

/* A full table of few places: chains are long, and entries move when others go. */
static void
test_against_counting(void)
{
	static const unsigned limits[] = { 4, 5, 13, 32 };

	for (size_t l = 0; l < ARRAY_SIZE(limits); l++) {
		struct clients *clients = clients_new(&(struct clients_limits){ limits[l], 3, 32, 128 });
		unsigned counts[ADDRESSES] = { 0 }, total = 0, wrong = 0;
		uint32_t state = 12345;

		for (unsigned step = 0; step < 20000; step++) {
			unsigned i;
			struct address address;

			state = state * 1664525u + 1013904223u;
			i = (state >> 16) % ADDRESSES;
			address = address_at(i);
			if ((state >> 24 & 1) != 0 && counts[i] > 0) {
				clients_leave(clients, &address);
				counts[i]--;
				total--;
			} else {
				bool within = total < limits[l] && counts[i] < 3;

				wrong += (clients_enter(clients, &address) == CLIENTS_WITHIN) != within;
				counts[i] += within;
				total += within;
			}
			wrong += clients_count(clients) != total;
		}
		CU_ASSERT_EQUAL(wrong, 0);
		clients_free(clients);
	}
}

static const struct suite_case cases[] = {
	{ .name = "limits", .run = test_limits },
	{ .name = "prefixes", .run = test_prefixes },
	{ .name = "clients that aren't known yet", .run = test_unknown },
	{ .name = "against plain counting", .run = test_against_counting },
};

int
main(void)
{
	return suite_run("clients", cases, ARRAY_SIZE(cases));
}
