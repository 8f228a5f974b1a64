/* record.h -- the records of a master file, one by one: directives are followed, owner and TTL inherited.
 * Threads: any, one call at a time per reader. */
#ifndef ISOBAR_ZONE_RECORD_H
#define ISOBAR_ZONE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "dns/name.h"
#include "zone/lexer.h"
#include "zone/rdata.h"

enum owner_state { OWNER_NONE, OWNER_KNOWN, OWNER_BROKEN };

/* What a record takes from the lines before it. Plain data, so that an editor can keep a second one. */
struct inherited {
	uint8_t origin[NAME_MAX];
	uint8_t owner[NAME_MAX];
	enum owner_state owner_state;
	bool has_default_ttl, has_last_ttl, has_soa_ttl;
	uint32_t default_ttl;	/* of $TTL */
	uint32_t last_ttl;	/* stated last (RFC 1035 section 5.1); counts only without $TTL */
	uint32_t soa_ttl;	/* MINIMUM of the SOA; counts only without both */
};

/* Valid until the next call. */
struct record {
	struct entry entry;
	uint8_t owner[NAME_MAX];
	uint16_t type;
	uint32_t ttl;
	bool ttl_known;			/* false only in `heads_only`, where a missing TTL is no error */
	bool owner_given;
	size_t head;			/* index of the token behind the owner */
	size_t type_at;			/* index of the type; RDATA begins behind it */
	const struct token *ttl_token;	/* NULL when it's inherited */
	const uint8_t *rdata;		/* NULL when `heads_only` */
	uint16_t rdlength;
};

struct record_reader {
	struct lexer lexer;
	struct inherited inherited;
	struct rdata_reader rdata;
	struct diags *diags;	/* or NULL: quiet */
	bool heads_only;	/* leave RDATA unread */
	bool soa_ttl_told;
	struct entry entry;	/* the last one, of whatever result */
};

enum record_result {
	RECORD_READ,
	RECORD_DIRECTIVE,
	RECORD_BROKEN,		/* reported */
	RECORD_END,
	RECORD_NO_MEMORY,
};

/* `text` and `file` must outlive the reader. */
void record_reader_init(struct record_reader *reader, const char *text, const char *file, const uint8_t *origin,
	struct diags *diags /* or NULL: quiet */) __attribute__((nonnull(1, 2, 3, 4)));
void record_reader_fini(struct record_reader *reader) NONNULL;

enum record_result record_next(struct record_reader *reader, struct record *record) NONNULL MUST_USE;

/* The TTL of a record that states none. False when there is nothing to inherit. */
bool inherited_ttl(const struct inherited *inherited, uint32_t *ttl) NONNULL;

/* Reads the RDATA that `heads_only` left out. False: reported. */
bool record_read_rdata(struct record_reader *reader, struct record *record) NONNULL MUST_USE;

struct diag_place record_place(const struct record_reader *reader, const struct token *token) NONNULL;

#endif
