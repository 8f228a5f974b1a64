/* listen.c -- binds the UNIX socket and the TCP port.
 * In: a path, an address and port.  Out: a listening descriptor, not inherited by children, or why not.
 * Threads: any.
 * The socket file is made without any right for others and given its mode once it's bound: at no moment can somebody
 * connect who may not. A file left by a killed process is told from a live one by connecting to it. */
#include "api/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128
#define SOCKET_MODE 0660	/* the owner and the group administer; nobody else */

static int stale_remove(const struct sockaddr_un *at, struct text *error);
static int failed(int fd, struct text *error, const char *what, const char *where);

int
listen_local(const char *path, struct text *error)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(at.sun_path)) {
		text_printf(error, "the path of the API's socket is longer than %zu octets: %s",
		    sizeof(at.sun_path) - 1, path);
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path));
	if (stale_remove(&at, error) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0) < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return failed(fd, error, "can't make the API's socket", path);
	if (chmod(path, SOCKET_MODE) < 0 || listen(fd, BACKLOG) < 0) {
		failed(fd, error, "can't listen on the API's socket", path);
		unlink(path);
		return -1;
	}
	return fd;
}

static int
stale_remove(const struct sockaddr_un *at, struct text *error)
{
	struct stat found;
	int fd, status;

	if (lstat(at->sun_path, &found) < 0)
		return 0;
	if (!S_ISSOCK(found.st_mode)) {
		text_printf(error, "%s is there and no socket: remove it, or set another api-socket", at->sun_path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return failed(fd, error, "can't make a socket", at->sun_path);
	status = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN ? 0 : -errno;
	close(fd);
	if (status == 0) {
		text_printf(error, "another process listens on %s: is isobard running already?", at->sun_path);
		return -1;
	}
	if (status == -ECONNREFUSED && unlink(at->sun_path) == 0)
		return 0;
	return failed(-1, error, "can't replace the API's socket", at->sun_path);
}

int
listen_tcp(const struct listener *at, uint16_t *port, struct text *error)
{
	struct sockaddr_storage address;
	socklen_t length = address_to_sockaddr(&at->address, at->port, &address);
	char where[ADDRESS_TEXT_SIZE + 8], text[ADDRESS_TEXT_SIZE];
	int on = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(where, sizeof(where), "%s@%u", address_text(&at->address, text), (unsigned)at->port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return failed(fd, error, "can't listen for the API on", where);
	*port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
	    : ((struct sockaddr_in *)&address)->sin_port);
	return fd;
}

static int
failed(int fd, struct text *error, const char *what, const char *where)
{
	text_printf(error, "%s %s: %s", what, where, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
