/* fuzz_proxy.c -- serve/proxy: a header ends within what there is; each cut of a whole one is the beginning of one, and
 * nothing behind it changes what it says. */
#define FUZZ_NAME "proxy"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "serve/proxy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct address client = { .bits = 0 }, again;
	size_t header = 0, other;
	enum proxy_verdict verdict = proxy_read(bytes, length, &header, &client);

	if (verdict != PROXY_CLIENT && verdict != PROXY_LOCAL) {
		if (header != 0 || client.bits != 0)
			abort();
		return 0;
	}
	if (header < 16 || header > length || header > PROXY_HEADER_MAX)
		abort();
	if (verdict == PROXY_CLIENT ? client.bits != 32 && client.bits != 128 : client.bits != 0)
		abort();
	if (proxy_read(bytes, header, &other, &again) != verdict || other != header)
		abort();
	if (verdict == PROXY_CLIENT && memcmp(&client, &again, sizeof(client)) != 0)
		abort();
	for (size_t cut = 0; cut < header && header < 100; cut++)
		if (proxy_read(bytes, cut, &other, &again) != PROXY_MORE)
			abort();
	return 0;
}
