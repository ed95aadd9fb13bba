#include "CPlatform.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

int narthex_dns_search(const char *name, int type, const narthex_name_server *servers, int count,
                       unsigned char *answer, int capacity, int *problem) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    *problem = 0;
    if (res_ninit(&state) != 0) return -2;
    state.options |= RES_USE_EDNS0;
    if (count > 0) {
        state.nscount = count < MAXNS ? count : MAXNS;
        for (int i = 0; i < state.nscount; i++) {
            struct sockaddr_in *place = &state.nsaddr_list[i];
            memset(place, 0, sizeof *place);
            place->sin_family = AF_INET;
            place->sin_addr.s_addr = htonl(servers[i].address);
            place->sin_port = htons(servers[i].port);
        }
        state.retrans = 1;
        state.retry = 2;
    }
    int length = res_nsearch(&state, name, ns_c_in, type, answer, capacity);
    if (length < 0) {
        *problem = state.res_h_errno;
        length = *problem == HOST_NOT_FOUND || *problem == NO_DATA ? 0 : -1;
    }
    res_nclose(&state);
    return length > capacity ? capacity : length;
}
