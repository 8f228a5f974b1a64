/* dnstap_message.c -- see dnstap_message.h.
 * In: an exchange.  Out: the fields that the schema advises for AUTH_QUERY and AUTH_RESPONSE, and where it's known the
 * server's address and the zone.  Threads: any. */
#include "tap/dnstap_message.h"

#include <string.h>

#include "dns/name.h"

#define NS 1000000000u

static void add_ends(Dnstap__Message *m, const struct tap_seen *seen);
static void add_times(Dnstap__Message *m, const struct tap_seen *seen, bool response);
static ProtobufCBinaryData octets(const void *bytes, size_t length);

size_t
dnstap_message_make(struct dnstap_message *m, const struct tap_seen *seen, bool response, const char *identity,
	const char *version)
{
	Dnstap__Message *message = &m->message;

	dnstap__dnstap__init(&m->outer);
	dnstap__message__init(message);
	m->outer.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	m->outer.message = message;
	m->outer.has_identity = *identity != '\0';
	m->outer.identity = octets(identity, strlen(identity));
	m->outer.has_version = *version != '\0';
	m->outer.version = octets(version, strlen(version));
	message->type = response ? DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE : DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
	add_ends(message, seen);
	add_times(message, seen, response);
	if (seen->note.zone != NULL) {
		message->has_query_zone = true;
		message->query_zone = octets(seen->note.zone, name_length(seen->note.zone, NAME_MAX));
	}
	message->has_query_message = !response;
	message->query_message = octets(seen->request, seen->request_length);
	message->has_response_message = response;
	message->response_message = octets(seen->response, seen->response_length);
	return dnstap__dnstap__get_packed_size(&m->outer);
}

/* Both ends are of one family, as a proxy's header has it, or else only the client is told. */
static void
add_ends(Dnstap__Message *m, const struct tap_seen *seen)
{
	static const Dnstap__SocketProtocol protocols[TRANSPORTS] = {
		[TRANSPORT_UDP] = DNSTAP__SOCKET_PROTOCOL__UDP, [TRANSPORT_TCP] = DNSTAP__SOCKET_PROTOCOL__TCP,
		[TRANSPORT_TLS] = DNSTAP__SOCKET_PROTOCOL__DOT,
	};
	const struct address *client = &seen->client, *server = &seen->server;

	m->has_socket_protocol = true;
	m->socket_protocol = protocols[seen->transport];
	m->has_socket_family = client->bits != 0;
	m->socket_family = client->bits == 32 ? DNSTAP__SOCKET_FAMILY__INET : DNSTAP__SOCKET_FAMILY__INET6;
	m->has_query_address = client->bits != 0;
	m->query_address = octets(client->bytes, client->bits / 8);
	m->has_query_port = seen->client_port != 0;
	m->query_port = seen->client_port;
	m->has_response_address = server->bits != 0 && server->bits == client->bits;
	m->response_address = octets(server->bytes, server->bits / 8);
	m->has_response_port = seen->server_port != 0;
	m->response_port = seen->server_port;
}

static void
add_times(Dnstap__Message *m, const struct tap_seen *seen, bool response)
{
	m->has_query_time_sec = m->has_query_time_nsec = true;
	m->query_time_sec = seen->asked_ns / NS;
	m->query_time_nsec = (uint32_t)(seen->asked_ns % NS);
	m->has_response_time_sec = m->has_response_time_nsec = response;
	m->response_time_sec = seen->answered_ns / NS;
	m->response_time_nsec = (uint32_t)(seen->answered_ns % NS);
}

/* The generated types know no const; nothing writes through them. */
static ProtobufCBinaryData
octets(const void *bytes, size_t length)
{
	return (ProtobufCBinaryData){ .len = length, .data = (uint8_t *)(uintptr_t)bytes };
}
