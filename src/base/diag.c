/* diag.c -- the list of what is wrong with one input.
 * In: messages with places, from any reader, in any order. Out: lines in the order of their places.
 * Invariant: `errors` counts every error, kept or dropped, so that diag_failed() is right even when memory is out. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct diags *diags, enum diag_level level, struct diag_place place, const char *suggestion,
    const char *format, va_list args) PRINTF(5, 0);
static struct diag *slot_new(struct diags *diags);
static char *copy(const char *text);
static void print_one(const struct diag *diag, struct text *out);
static int compare(const struct diag *a, const struct diag *b);

void
diag_error(struct diags *diags, struct diag_place place, const char *suggestion, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diags, DIAG_ERROR, place, suggestion, format, args);
	va_end(args);
}

void
diag_warning(struct diags *diags, struct diag_place place, const char *suggestion, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(diags, DIAG_WARNING, place, suggestion, format, args);
	va_end(args);
}

static void
add(struct diags *diags, enum diag_level level, struct diag_place place, const char *suggestion, const char *format,
    va_list args)
{
	struct diag *diag;
	char *message = NULL;

	if (level == DIAG_ERROR)
		diags->errors++;
	diag = slot_new(diags);
	if (diag == NULL) {
		diags->dropped++;
		return;
	}
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	*diag = (struct diag){
		.level = level,
		.file = copy(place.file),
		.line = place.line,
		.column = place.column,
		.pointer = copy(place.pointer),
		.message = message,
		.suggestion = copy(suggestion),
	};
}

/* The next free entry, or NULL when the list is full or can't grow. */
static struct diag *
slot_new(struct diags *diags)
{
	size_t size = diags->size == 0 ? 8 : diags->size * 2;
	struct diag *list;

	if (diags->count >= DIAG_MAX)
		return NULL;
	if (diags->count == diags->size) {
		list = realloc(diags->list, size * sizeof(*list));
		if (list == NULL)
			return NULL;
		diags->list = list;
		diags->size = size;
	}
	return &diags->list[diags->count++];
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

void
diag_print(const struct diags *diags, struct text *out)
{
	const struct diag *order[DIAG_MAX];

	for (size_t i = 0, j; i < diags->count; i++) {
		const struct diag *next = &diags->list[i];

		for (j = i; j > 0 && compare(order[j - 1], next) > 0; j--)
			order[j] = order[j - 1];
		order[j] = next;
	}
	for (size_t i = 0; i < diags->count; i++)
		print_one(order[i], out);
	if (diags->dropped > 0)
		text_printf(out, "and %zu more\n", diags->dropped);
}

static void
print_one(const struct diag *diag, struct text *out)
{
	text_puts(out, diag->file == NULL ? "input" : diag->file);
	if (diag->line > 0)
		text_printf(out, ":%u", diag->line);
	if (diag->line > 0 && diag->column > 0)
		text_printf(out, ":%u", diag->column);
	if (diag->line == 0 && diag->pointer != NULL && diag->pointer[0] != '\0')
		text_printf(out, ": %s", diag->pointer);
	text_printf(out, ": %s%s", diag->level == DIAG_WARNING ? "warning: " : "",
	    diag->message == NULL ? "out of memory" : diag->message);
	if (diag->suggestion != NULL)
		text_printf(out, " (did you mean '%s'?)", diag->suggestion);
	text_puts(out, "\n");
}

/* By insertion, since it is stable and the list is short. */
void
diag_sort(struct diags *diags)
{
	for (size_t i = 1, j; i < diags->count; i++) {
		struct diag next = diags->list[i];

		for (j = i; j > 0 && compare(&diags->list[j - 1], &next) > 0; j--)
			diags->list[j] = diags->list[j - 1];
		diags->list[j] = next;
	}
}

static int
compare(const struct diag *a, const struct diag *b)
{
	int files = strcmp(a->file == NULL ? "" : a->file, b->file == NULL ? "" : b->file);

	if (files != 0)
		return files;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return 0;
}

void
diag_fini(struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		free(diags->list[i].file);
		free(diags->list[i].pointer);
		free(diags->list[i].message);
		free(diags->list[i].suggestion);
	}
	free(diags->list);
	*diags = (struct diags){ 0 };
}
