/* video_pattern.c: from a key to a tile: which chip carries which coded bit, and with which sign. */
#include "mark/watermark/video.h"

#include <string.h>

/* Random words of a key: Philox keyed by a hash of it, the rest of the hash in the counter. */
typedef struct stream {
    uint32_t counter[4], key[2], word[4];
    int left;
} stream;

static stream stream_of(const wm_key *key)
{
    static const char purpose[] = "picture tile 1";
    uint8_t text[sizeof key->b + sizeof purpose];
    memcpy(text, key->b, sizeof key->b);
    memcpy(text + sizeof key->b, purpose, sizeof purpose);
    const lk_hash h = lk_hash_bytes(text, sizeof text);
    uint32_t w[5];
    for (int i = 0; i < 5; i++)
        w[i] = h.b[4 * i] | (uint32_t)h.b[4 * i + 1] << 8 | (uint32_t)h.b[4 * i + 2] << 16 | (uint32_t)h.b[4 * i + 3] << 24;
    return (stream){.counter = {0, w[2], w[3], w[4]}, .key = {w[0], w[1]}};
}

static uint32_t draw(stream *s)
{
    if (s->left == 0) {
        lk_philox4x32(s->counter, s->key, s->word);
        s->counter[0]++;
        s->left = 4;
    }
    return s->word[--s->left];
}

void wm_tile_make(const wm_key *key, wm_tile *t)
{
    stream s = stream_of(key);
    for (int i = 0; i < WM_CHIPS; i++) {
        t->bit[i] = (int16_t)(i < WM_SYNC_CHIPS ? -1 : (i - WM_SYNC_CHIPS) / WM_CHIPS_PER_BIT);
        t->sign[i] = draw(&s) & 1 ? 1 : -1;
    }
    /* Fisher and Yates; a multiply in place of a modulus leaves a bias of one in a million. */
    for (uint32_t i = WM_CHIPS - 1; i > 0; i--) {
        const uint32_t j = (uint32_t)((uint64_t)draw(&s) * (i + 1) >> 32);
        const int16_t swap = t->bit[i];
        t->bit[i] = t->bit[j];
        t->bit[j] = swap;
    }
}

void wm_tile_chips(const wm_tile *t, uint64_t id, int8_t chip[WM_CHIPS])
{
    uint8_t bit[WM_CODED_BITS];
    wm_encode(id, bit);
    for (int i = 0; i < WM_CHIPS; i++)
        chip[i] = (int8_t)(t->bit[i] < 0 || bit[t->bit[i]] ? t->sign[i] : -t->sign[i]);
}

const int wm_rung[WM_RUNGS] = {64, 45, 32, 24};

int wm_chips_across(int shorter)
{
    int i = 0;
    while (i < WM_RUNGS - 1 && shorter < wm_rung[i] * 5) i++;
    return wm_rung[i];
}
