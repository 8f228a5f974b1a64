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
	struct clients *clients = clients_new(5, 3);
	struct address a = address_at(1), b = address_at(2), c = address_at(3);

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(clients_enter(clients, &a));
	CU_ASSERT_FALSE(clients_enter(clients, &a));
	CU_ASSERT(clients_enter(clients, &b));
	CU_ASSERT(clients_enter(clients, &b));
	CU_ASSERT_FALSE(clients_enter(clients, &c));
	CU_ASSERT_EQUAL(clients_count(clients), 5);
	clients_leave(clients, &a);
	CU_ASSERT(clients_enter(clients, &c));
	CU_ASSERT_FALSE(clients_enter(clients, &a));
	CU_ASSERT_EQUAL(clients_count(clients), 5);
	clients_free(clients);
	clients_free(NULL);
	clients = clients_new(0, 10);
	CU_ASSERT_FALSE(clients_enter(clients, &a));
	clients_free(clients);
}

/* A full table of few places: chains are long, and entries move when others go. */
static void
test_against_counting(void)
{
	static const unsigned limits[] = { 4, 5, 13, 32 };

	for (size_t l = 0; l < ARRAY_SIZE(limits); l++) {
		struct clients *clients = clients_new(limits[l], 3);
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

				wrong += clients_enter(clients, &address) != within;
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
	{ .name = "against plain counting", .run = test_against_counting },
};

int
main(void)
{
	return suite_run("clients", cases, ARRAY_SIZE(cases));
}
