/* fuzz_consent.c: what comes back from other people's machines: records, personal blocks, requests, checkpoints, proofs.
 * Whatever comes in is refused or means one thing. Signed things are fuzzed beneath their signature too: the bytes are
 * signed here, as a studio that means harm would sign them. */
#include <string.h>

#include "consent/internal.h"
#include "consent/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];

static void same_bytes(const lk_bytes *again, const uint8_t *data, size_t size)
{
    if (again->failed || again->len != size || memcmp(again->b, data, size)) __builtin_trap();
}

static void try_record(const uint8_t *data, size_t size)
{
    lk_consent_terms t;
    lk_error err;
    lk_bytes again = {0};
    lk_text page = {0};
    if (lk_consent_decode(data, size, &t, &err) == LK_OK) {
        if (lk_consent_encode(&t, &again, &err) != LK_OK) __builtin_trap();
        same_bytes(&again, data, size);
        lk_consent_summary(&t, NULL, "somebody", NULL, NULL, &page, &err);
    }
    lk_bytes_clear(&again);
    lk_text_clear(&page);
}

static void try_personal(const uint8_t *data, size_t size)
{
    lk_personal p;
    lk_error err;
    lk_bytes again = {0};
    if (lk_personal_decode(data, size, &p, &err) == LK_OK) {
        if (lk_personal_encode(&p, &again, &err) != LK_OK) __builtin_trap();
        same_bytes(&again, data, size);
    }
    lk_bytes_clear(&again);
}

static void try_request(const uint8_t *data, size_t size)
{
    static lk_consent_question q;
    lk_error err;
    lk_text page = {0};
    lk_bytes answer = {0};
    if (lk_consent_question_read(data, size, &q, &err) == LK_OK) {
        lk_consent_summary(&q.terms, q.has_personal ? &q.personal : NULL, q.name, NULL, NULL, &page, &err);
        lk_consent_answer(&q, pub, sec, &answer, &err);
    }
    lk_text_clear(&page);
    lk_bytes_clear(&answer);
}

static void try_signed(const uint8_t *data, size_t size)
{
    lk_error err;
    lk_bytes message = {0}, out = {0};
    if (cose_write(COSE_REQUEST, pub, sec, data, size, &message, &err) == LK_OK) try_request(message.b, message.len);
    lk_bytes_clear(&message);
    if (cose_write(COSE_RECORD, pub, sec, data, size, &message, &err) == LK_OK)
        lk_consent_withdraw(message.b, message.len, NULL, pub, sec, &out, &err);
    lk_bytes_clear(&message);
    lk_bytes_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lk_checkpoint c;
    static lk_log_proof p;
    lk_error err;
    if (!pub[0] && !pub[1] && lk_sign_keypair(pub, sec, &err) != LK_OK) return 0;
    try_record(data, size);
    try_personal(data, size);
    try_request(data, size);
    try_signed(data, size);
    if (lk_checkpoint_read(data, size, &c, &err) == LK_OK && lk_checkpoint_follows(&c, &c, &err) != LK_OK)
        __builtin_trap();
    if (lk_log_check(data, size, &p, &err) == LK_OK && (p.row < 1 || p.row > p.checkpoint.size)) __builtin_trap();
    return 0;
}
