/* fuzz_tsig.c -- transfer/tsig: any request is judged, and what is said of it fits and is well-formed; what is taken for
 * good was signed with the key. As a response any octets are refused, but for those that the key has signed. */
#define FUZZ_NAME "tsig"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dns/query.h"
#include "dns/types.h"
#include "transfer/tsig.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct tsig_maker *maker;
	static struct tsig_key key = { .text = "k", .name = "\1k", .algorithm = TSIG_SHA256, .secret_length = 4,
	    .secret = "abcd" };
	const struct tsig_keys keys = { 1, &key };
	struct query query;
	struct tsig tsig;
	uint8_t *response;
	size_t room;

	if (maker == NULL)
		maker = tsig_maker_new();
	if (maker == NULL)
		abort();
	if (query_read(&query, bytes, length) != QUERY_DROP && query.tsig != 0
	    && tsig_verify(&tsig, maker, &keys, bytes, length, query.tsig, 1700000000) != TSIG_MALFORMED) {
		room = tsig_room(&tsig);
		response = calloc(1, HEADER_SIZE + room);
		if (response == NULL || tsig_sign(&tsig, maker, response, HEADER_SIZE, 1700000000) != HEADER_SIZE + room)
			abort();
		free(response);
	}
	/* Our own request, and these octets in answer to it. */
	response = calloc(1, HEADER_SIZE + TSIG_ROOM_MAX + length);
	if (response == NULL)
		abort();
	(void)tsig_sign_request(&tsig, maker, &key, response, HEADER_SIZE, 1700000000);
	memcpy(response, bytes, length);
	if (tsig_verify_response(&tsig, maker, response, length, 1700000000) > length)
		abort();
	free(response);
	return 0;
}
