// The generated messages of remote write: packed to the bytes of the protocol, and read back.
#include "check.h"
#include "remote_write_v1.pb-c.h"

#include <string.h>

int main(void) {
    Prometheus__Label label = PROMETHEUS__LABEL__INIT;
    label.name = (char *)"__name__";
    label.value = (char *)"up";
    Prometheus__Sample sample = PROMETHEUS__SAMPLE__INIT;
    sample.value = 1;
    sample.timestamp = 1000;
    Prometheus__Label *labels[] = {&label};
    Prometheus__Sample *samples[] = {&sample};
    Prometheus__TimeSeries series = PROMETHEUS__TIME_SERIES__INIT;
    series.n_labels = 1;
    series.labels = labels;
    series.n_samples = 1;
    series.samples = samples;
    Prometheus__TimeSeries *all[] = {&series};
    Prometheus__WriteRequest request = PROMETHEUS__WRITE_REQUEST__INIT;
    request.n_timeseries = 1;
    request.timeseries = all;

    const uint8_t expected[] = {
        0x0A, 0x1E,                                              // timeseries
        0x0A, 0x0E,                                              // labels
        0x0A, 0x08, '_', '_', 'n', 'a', 'm', 'e', '_', '_',      // name
        0x12, 0x02, 'u', 'p',                                    // value
        0x12, 0x0C,                                              // samples
        0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F,                      // value: 1 as a double, little-endian
        0x10, 0xE8, 0x07,                                        // timestamp: 1000
    };
    uint8_t packed[64];
    CHECK(prometheus__write_request__get_packed_size(&request) == sizeof expected);
    CHECK(prometheus__write_request__pack(&request, packed) == sizeof expected);
    CHECK(memcmp(packed, expected, sizeof expected) == 0);

    Prometheus__WriteRequest *read = prometheus__write_request__unpack(NULL, sizeof expected, packed);
    CHECK(read != NULL && read->n_timeseries == 1 && read->timeseries[0]->n_samples == 1);
    CHECK(read->timeseries[0]->samples[0]->value == 1 && read->timeseries[0]->samples[0]->timestamp == 1000);
    CHECK(strcmp(read->timeseries[0]->labels[0]->value, "up") == 0);
    prometheus__write_request__free_unpacked(read, NULL);
    CHECK(prometheus__write_request__unpack(NULL, 5, packed) == NULL);
    return 0;
}
