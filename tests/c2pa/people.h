/* people.h: signers for tests: a root and a leaf of each kind of key, made anew for every run. */
#ifndef LK_TESTS_C2PA_PEOPLE_H
#define LK_TESTS_C2PA_PEOPLE_H

#include "check.h"
#include "mark/c2pa/internal.h"

#define IPTC "http://cv.iptc.org/newscodes/digitalsourcetype/"

typedef struct person {
    lk_pk *root_key, *key;
    lk_der root, chain[1];
    c2pa_signer signer; /* knows its root as an anchor */
} person;

__attribute__((unused)) static void person_make(person *p, lk_pk_alg alg)
{
    lk_error err = {0};
    lk_cert_name root = {.common_name = "Test root", .organization = "Tests"}, leaf = {.common_name = "Test signer", .organization = "Tests"};
    CHECK_OK(lk_pk_new(alg, &p->root_key, &err), &err);
    CHECK_OK(lk_pk_new(alg, &p->key, &err), &err);
    CHECK_OK(lk_cert_root(p->root_key, &root, 3650, &p->root, &err), &err);
    CHECK_OK(lk_cert_leaf(p->key, &leaf, 30, p->root_key, &p->root, p->chain, &err), &err);
    p->signer = (c2pa_signer){.key = p->key, .chain = p->chain, .chain_count = 1, .anchors = &p->root, .anchor_count = 1};
}

__attribute__((unused)) static void person_free(person *p)
{
    lk_pk_free(&p->root_key);
    lk_pk_free(&p->key);
    lk_free(p->root.data);
    lk_free(p->chain[0].data);
}

/* The shortest specification: made from nothing. */
static const c2pa_action made_action = {.action = "c2pa.created", .source_type = IPTC "trainedAlgorithmicMedia"};
static const c2pa_spec made_spec = {.actions = &made_action, .action_count = 1, .log_index = -1};

__attribute__((unused)) static bool has_code(const c2pa_report *r, const char *code)
{
    for (int i = 0; i < r->finding_count; i++)
        if (!strcmp(r->findings[i].code, code)) return true;
    return false;
}

/* "invalid: code code": for messages. */
__attribute__((unused)) static const char *verdict_text(const c2pa_report *r)
{
    static char text[600];
    int n = snprintf(text, sizeof text, "%s:", c2pa_state_name(r->state));
    for (int i = 0; i < r->finding_count && n < 500; i++)
        if (r->findings[i].severity) n += snprintf(text + n, sizeof text - (size_t)n, " %.60s", r->findings[i].code);
    return text;
}

__attribute__((unused)) static c2pa_state state_of_file(const char *path, const person *p)
{
    c2pa_report r;
    lk_error err = {0};
    CHECK_OK(c2pa_verify_file(path, p ? &p->root : NULL, p ? 1 : 0, 0, &r, &err), &err);
    c2pa_state s = r.state;
    c2pa_report_clear(&r);
    return s;
}

#endif
