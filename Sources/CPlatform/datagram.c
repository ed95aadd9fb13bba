#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int narthex_open_datagram(void) { return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int narthex_send_datagram(int descriptor, const void *address, size_t address_length, const void *bytes,
                          size_t length) {
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    if (address_length == 0 || address_length > sizeof place.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(place.sun_path, address, address_length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address_length);
    ssize_t sent;
    do {
        sent = sendto(descriptor, bytes, length, MSG_NOSIGNAL, (const struct sockaddr *)&place, size);
    } while (sent < 0 && errno == EINTR);
    // A datagram goes whole or not at all.
    return sent < 0 ? -1 : 0;
}
