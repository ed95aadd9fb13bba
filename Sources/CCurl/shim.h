// libcurl, with typed faces on its variadic functions, which Swift cannot call.
#pragma once
#include <curl/curl.h>
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

// A body or header callback: returns the bytes taken, CURL_WRITEFUNC_PAUSE, or anything else to refuse.
typedef size_t (*narthex_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode narthex_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode narthex_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode narthex_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode narthex_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode narthex_curl_set_body_receiver(
    CURL *easy, narthex_curl_receiver receiver, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receiver);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
}

static inline CURLcode narthex_curl_set_header_receiver(
    CURL *easy, narthex_curl_receiver receiver, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receiver);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_HEADERDATA, context);
}

// Told of each socket that a transfer opens, before it connects: anything but 0 refuses it.
typedef int (*narthex_curl_socket_opened)(void *context, curl_socket_t socket, curlsocktype purpose);
// Closes a socket that libcurl has opened; 0 when that went well.
typedef int (*narthex_curl_socket_closing)(void *context, curl_socket_t socket);

static inline CURLcode narthex_curl_set_socket_opened(
    CURL *easy, narthex_curl_socket_opened opened, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, opened);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, context);
}

// A connection keeps both until it is closed, which may be after the handle that made it is gone.
static inline CURLcode narthex_curl_set_socket_closing(
    CURL *easy, narthex_curl_socket_closing closing, void *context) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, closing);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, context);
}

// http and https alone, for the request and for redirects. The string options came with 7.85.
static inline CURLcode narthex_curl_allow_only_http(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS, both);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, both);
#endif
}

// A name look-up that hangs must not hold up the removal of its transfer: without this, libcurl waits for the
// resolver's thread and every other transfer waits with it. Came with 7.87; older versions do wait.
static inline CURLcode narthex_curl_never_wait_for_resolver(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    (void)easy;
    return CURLE_OK;
#endif
}

static inline CURLcode narthex_curl_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode narthex_curl_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, (char **)value);
}

// libcurl tells which sockets it waits for, and how long at most.
typedef int (*narthex_curl_socket_watcher)(
    CURL *easy, curl_socket_t socket, int what, void *context, void *socketContext);
typedef int (*narthex_curl_timer_watcher)(CURLM *multi, long timeoutMs, void *context);

static inline CURLMcode narthex_curl_multi_set_watchers(
    CURLM *multi, narthex_curl_socket_watcher sockets, narthex_curl_timer_watcher timer, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, sockets);
    if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
    if (code == CURLM_OK) code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
    return code != CURLM_OK ? code : curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}

// The time is up that libcurl asked for.
static inline CURLMcode narthex_curl_multi_timeout_reached(CURLM *multi, int *running) {
    return curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, running);
}

static inline CURLMcode narthex_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// The finished transfer of a message and its result; NULL when the message is of another kind.
static inline CURL *narthex_curl_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    }
    return NULL;
}

// epoll(7) and eventfd(2), which Swift's Glibc module leaves out. All but `ready` give -1 with errno set on
// failure.

// What happened on a descriptor. Errors and hang-ups count as both: whoever reads or writes finds them.
typedef struct {
    int descriptor;
    uint32_t generation;
    int readable;
    int writable;
} narthex_ready;

static inline int narthex_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int narthex_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// A full counter (EAGAIN) means that a wake is pending anyway.
static inline int narthex_eventfd_signal(int event) {
    uint64_t one = 1;
    return write(event, &one, sizeof one) == sizeof one || errno == EAGAIN ? 0 : -1;
}

// Nothing to read means that the wake was taken before.
static inline void narthex_eventfd_take(int event) {
    uint64_t count;
    ssize_t size = read(event, &count, sizeof count);
    (void)size;
}

// Waits for these events of a descriptor from now on, and for no others, whether it was waited for before or
// not. `generation` comes back with each event.
static inline int narthex_epoll_set(
    int epoll, int descriptor, uint32_t generation, int readable, int writable, int known) {
    struct epoll_event event = {0};
    event.events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
    event.data.u64 = (uint64_t)generation << 32 | (uint32_t)descriptor;
    int status = epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event);
    if (status != 0 && (errno == ENOENT || errno == EEXIST))
        status = epoll_ctl(epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event);
    return status;
}

// A descriptor that was closed meanwhile has left already.
static inline int narthex_epoll_remove(int epoll, int descriptor) {
    int status = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
    return status == 0 || errno == ENOENT || errno == EBADF ? 0 : -1;
}

// Waits and fills `ready`, which holds `capacity`, 256 at most; the number filled, 0 when a signal came.
static inline int narthex_epoll_wait(int epoll, narthex_ready *ready, int capacity, int timeoutMs) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, capacity < 256 ? capacity : 256, timeoutMs);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        int both = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
        ready[i].descriptor = (int)(uint32_t)events[i].data.u64;
        ready[i].generation = (uint32_t)(events[i].data.u64 >> 32);
        ready[i].readable = both || (events[i].events & EPOLLIN) != 0;
        ready[i].writable = both || (events[i].events & EPOLLOUT) != 0;
    }
    return count;
}

// Bytes that libcurl copies, for certificates and keys; NULL with 0 takes the option back.
static inline CURLcode narthex_curl_set_blob(
    CURL *easy, CURLoption option, const void *bytes, size_t count) {
    if (bytes == NULL) return curl_easy_setopt(easy, option, NULL);
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

// A TCP connection, begun without waiting. A descriptor, or -1 with errno set.
static inline int narthex_connect(const struct sockaddr *place, socklen_t size) {
    int descriptor = socket(place->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int one = 1;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(descriptor, place, size) == 0 || errno == EINPROGRESS) return descriptor;
    int problem = errno;
    close(descriptor);
    errno = problem;
    return -1;
}

// The same to an IPv4 address, its first octet in the highest bits.
static inline int narthex_connect_ipv4(uint32_t address, uint16_t port) {
    struct sockaddr_in place = {0};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    place.sin_addr.s_addr = htonl(address);
    return narthex_connect((struct sockaddr *)&place, sizeof place);
}

// The same to the 16 bytes of an IPv6 address. `scope` is the number of its interface; 0 where any will do.
static inline int narthex_connect_ipv6(const uint8_t *address, uint16_t port, uint32_t scope) {
    struct sockaddr_in6 place = {0};
    place.sin6_family = AF_INET6;
    place.sin6_port = htons(port);
    place.sin6_scope_id = scope;
    memcpy(&place.sin6_addr, address, sizeof place.sin6_addr);
    return narthex_connect((struct sockaddr *)&place, sizeof place);
}

// The number of an interface; 0 where there is none of this name.
static inline uint32_t narthex_interface_number(const char *name) { return if_nametoindex(name); }

// An address of a host: `count`, 4 or 16, of the bytes, and the interface of an IPv6 one that has a link.
typedef struct {
    uint8_t bytes[16];
    int count;
    uint32_t scope;
} narthex_host_address;

// Looks a host's addresses up, as libcurl does: by getaddrinfo(3), and IPv6 ones only where the kernel speaks
// it. Blocks. The number of addresses, `capacity` at most, in the order in which they are to be tried; 0 when
// the name has none or cannot be looked up.
static inline int narthex_find_host(const char *name, narthex_host_address *found, int capacity) {
    int probe = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe >= 0) close(probe);
    struct addrinfo hints = {0};
    hints.ai_family = probe >= 0 ? AF_UNSPEC : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    struct addrinfo *first = NULL;
    if (getaddrinfo(name, NULL, &hints, &first) != 0) return 0;
    int count = 0;
    for (struct addrinfo *next = first; next != NULL && count < capacity; next = next->ai_next) {
        narthex_host_address address = {0};
        if (next->ai_family == AF_INET) {
            struct sockaddr_in *four = (struct sockaddr_in *)next->ai_addr;
            address.count = 4;
            memcpy(address.bytes, &four->sin_addr, 4);
        } else if (next->ai_family == AF_INET6) {
            struct sockaddr_in6 *six = (struct sockaddr_in6 *)next->ai_addr;
            address.count = 16;
            address.scope = six->sin6_scope_id;
            memcpy(address.bytes, &six->sin6_addr, 16);
        } else {
            continue;
        }
        found[count++] = address;
    }
    freeaddrinfo(first);
    return count;
}

// Why a connection did not come about; 0 when it did.
static inline int narthex_connect_error(int descriptor) {
    int problem = 0;
    socklen_t size = sizeof problem;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
}

// Sends what is behind the first `from` of `count` bytes; no signal when the other side is gone.
static inline ssize_t narthex_send(int descriptor, const void *bytes, size_t from, size_t count) {
    return send(descriptor, (const char *)bytes + from, count - from, MSG_NOSIGNAL);
}
