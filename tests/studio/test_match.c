/* test_match.c: voice templates as bytes. Whom they match is tested by the command (tests/cli/test_enroll.py). */
#include "check.h"
#include "studio/enroll.h"

#include <math.h>
#include <string.h>

static void there_and_back(void)
{
    float v[LK_SPEAKER_EMBEDDING], back[LK_SPEAKER_EMBEDDING];
    uint8_t bytes[MATCH_VOICE_BYTES];
    for (int i = 0; i < LK_SPEAKER_EMBEDDING; i++) v[i] = sinf((float)i) * 0.1f;
    match_voice_write(v, bytes);
    CHECK(match_voice_read(bytes, sizeof bytes, back) && !memcmp(v, back, sizeof v), "another voice came back");
    CHECK(bytes[4] == 0 && bytes[7] == 0, "the first number is not 0 in little-endian order");
}

static void what_is_no_template(void)
{
    float v[LK_SPEAKER_EMBEDDING] = {0.5f}, back[LK_SPEAKER_EMBEDDING];
    uint8_t bytes[MATCH_VOICE_BYTES];
    match_voice_write(v, bytes);
    CHECK(!match_voice_read(bytes, sizeof bytes - 1, back), "a cut one was read");
    CHECK(!match_voice_read(bytes, 0, back), "nothing was read");
    bytes[0] ^= 1;
    CHECK(!match_voice_read(bytes, sizeof bytes, back), "another format was read");
    bytes[0] ^= 1;
    v[7] = NAN;
    match_voice_write(v, bytes);
    CHECK(!match_voice_read(bytes, sizeof bytes, back), "a voice that is no number was read");
}

static const check_test tests[] = {
    {"there_and_back", there_and_back},
    {"what_is_no_template", what_is_no_template},
};
CHECK_MAIN(tests)
