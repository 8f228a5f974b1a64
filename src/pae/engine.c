/* engine.c -- what the engine holds open: the store to read, the API to write to.
 * In: options.  Out: an engine, and requests.  Threads: one. */
#include "pae/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define API_TIMEOUT_MS 10000
#define TOKEN_MAX 4096

static char *token_read(const char *path);

bool
engine_open(struct engine *engine)
{
	const struct pae_options *options = engine->options;
	struct text error = { 0 };

	if (options->token_file != NULL && (engine->token = token_read(options->token_file)) == NULL)
		return false;
	engine->client = http_client_new(options->api, engine->token, API_TIMEOUT_MS);
	if (engine->client == NULL) {
		log_error("--api: '%s' is neither unix:PATH nor http(s)://HOST:PORT", options->api);
		return false;
	}
	engine->reader = store_reader_open(options->store, &error);
	if (engine->reader == NULL)
		log_error("%s", error.bytes);
	text_fini(&error);
	if (engine->reader == NULL)
		return false;
	engine->forecaster = forecaster_new(engine->reader, options->models);
	engine->demand = demand_forecaster_new(engine->reader);
	engine->planner = planner_new();
	engine->feeds = feeds_new();
	return engine->forecaster != NULL && engine->demand != NULL && engine->planner != NULL &&
	    engine->feeds != NULL;
}

void
engine_close(struct engine *engine)
{
	child_free(engine->child);
	feeds_free(engine->feeds);
	free(engine->outlooks);
	plan_free(engine->posted);
	steering_free(engine->posted_for);
	steering_free(engine->lawful);
	steering_free(engine->steering);
	intake_fini(&engine->intake);
	planner_free(engine->planner);
	demand_forecaster_free(engine->demand);
	forecaster_free(engine->forecaster);
	if (engine->reader != NULL)
		store_reader_close(engine->reader);
	if (engine->client != NULL)
		http_client_free(engine->client);
	free(engine->token);
}

/* The first line of the file. */
static char *
token_read(const char *path)
{
	size_t length;
	int error;
	char *token = text_read_file(path, TOKEN_MAX, &length, &error);

	if (token == NULL)
		log_error("%s: %s", path, strerror(-error));
	else
		token[strcspn(token, "\r\n")] = '\0';
	return token;
}

bool
engine_post(struct engine *engine, const char *path, const char *body)
{
	struct http_response response = { 0 };
	int status = http_call(engine->client, "POST", path, body, &response);
	bool done = status == 0 && response.status >= 200 && response.status < 300;

	if (status != 0)
		log_warning("POST %s: %s", path, response.error[0] != '\0' ? response.error : strerror(-status));
	else if (!done)
		log_warning("POST %s: status %ld: %.500s", path, response.status, response.body);
	http_response_fini(&response);
	return done;
}
