/* fuzz_jumbf.c: bytes -> manifest store -> verdict, descriptions, JSON. Whatever comes in, judging ends with an answer, the
 * answer is never "trusted" (no anchor is given), and what it points to may be read. */
#include <string.h>

#include "mark/c2pa/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    c2pa_report r;
    lk_error err = {0};
    if (c2pa_verify_bytes(data, size, &r, &err) != LK_OK) return 0; /* no memory */
    if (r.state == C2PA_TRUSTED || r.state == C2PA_VALID) __builtin_trap(); /* nothing binds it to a file */
    if (r.finding_count == 0) __builtin_trap();                             /* and that is said */
    lk_text t = {0};
    c2pa_report_json(&r, &t);
    lk_arena *arena;
    if (!t.failed && lk_arena_new(&arena, 1 << 14) == LK_OK) {
        lk_json *j = NULL;
        if (lk_json_parse(t.s, t.len, arena, &j, &err) == LK_E_FORMAT) __builtin_trap();
        lk_arena_free(arena);
    }
    lk_text_clear(&t);
    c2pa_report_clear(&r);
    return 0;
}
