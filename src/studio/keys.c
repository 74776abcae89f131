/* keys.c: signing identities of projects and of the user, in lines for a person to read. */
#include "studio/keys.h"

#include <stdio.h>
#include <string.h>

static lk_ask_fn ask_person;
static void *ask_user;

void lk_ask_with(lk_ask_fn ask, void *user)
{
    ask_person = ask;
    ask_user = user;
}

lk_status lk_project_keys_dir(const lk_project *p, char out[1024], lk_error *err)
{
    if (!p) return lk_keys_config("keys", out, err);
    snprintf(out, 1024, "%s/keys/mark", p->dir); /* dir has at most 768 bytes */
    return LK_OK;
}

static bool is_real(const char *dir)
{
    lk_keys_info info;
    return lk_keys_exist(dir) &&
           (lk_keys_look(dir, &info, NULL) != LK_OK || !info.demo); /* a damaged one is not passed over */
}

lk_status lk_project_keys(const lk_project *p, lk_keys **out, char *dir, lk_error *err)
{
    char own[1024], users[1024] = "";
    lk_keys_pass pass = {.ask = ask_person, .ask_user = ask_user};
    *out = NULL;
    LK_TRY(lk_project_keys_dir(p, own, err));
    /* Without a home there is no user's identity, which is no error here. */
    bool by_user = p && !is_real(own) && lk_keys_config("keys", users, NULL) == LK_OK && lk_keys_exist(users);
    if (p && !by_user) LK_TRY(lk_keys_make_demo(own, err));
    const char *from = by_user ? users : own;
    if (dir) snprintf(dir, 1024, "%s", from);
    return lk_keys_open(from, &pass, out, err);
}

lk_status lk_project_anchors(const lk_project *p, lk_anchors *out, lk_error *err)
{
    char dir[1024];
    *out = (lk_anchors){0};
    lk_status s = LK_OK;
    if (p && (s = lk_project_keys_dir(p, dir, err)) == LK_OK) s = lk_keys_anchors(dir, out, err);
    if (s == LK_OK && lk_keys_config("keys", dir, NULL) == LK_OK) s = lk_keys_anchors(dir, out, err);
    if (s != LK_OK) lk_anchors_clear(out);
    return s;
}

/* --- the public calls --------------------------------------------------------------------------------- */

static lk_keys_pass pass_of(const lk_signing_job *job)
{
    return (lk_keys_pass){
        .file = job->passphrase_file, .ask = ask_person, .ask_user = ask_user, .ask_new = job->ask};
}

lk_signing_job lk_signing_defaults(void) { return (lk_signing_job){.algorithm = "es256", .days = 365}; }

lk_status lk_signing_make(lk_project *p, const lk_signing_job *job, lk_error *err)
{
    char dir[1024];
    const char *alg = job->algorithm ? job->algorithm : "es256";
    bool ed = !strcmp(alg, "ed25519");
    if (!ed && strcmp(alg, "es256"))
        return LK_FAIL(err, LK_E_ARG, "keys are of kind es256 or ed25519, not \"%s\"", alg);
    lk_keys_spec spec = {.name = {job->name, job->organization, job->country},
                         .alg = ed ? LK_PK_EDDSA : LK_PK_ES256,
                         .root_days = 20 * 365,
                         .leaf_days = job->days,
                         .replace = job->replace};
    lk_keys_pass pass = pass_of(job);
    LK_TRY(lk_project_keys_dir(p, dir, err));
    return lk_keys_make(dir, &spec, &pass, err);
}

lk_status lk_signing_import(lk_project *p, const char *chain, const char *key, const lk_signing_job *job,
                            lk_error *err)
{
    char dir[1024];
    lk_keys_pass pass = pass_of(job);
    LK_TRY(lk_project_keys_dir(p, dir, err));
    return lk_keys_import(dir, chain, key, job->key_passphrase_file, job->replace, &pass, err);
}

lk_status lk_signing_rotate(lk_project *p, const lk_signing_job *job, lk_error *err)
{
    char dir[1024];
    lk_keys_pass pass = pass_of(job);
    LK_TRY(lk_project_keys_dir(p, dir, err));
    return lk_keys_rotate(dir, job->days, &pass, err);
}

lk_status lk_signing_trust(lk_project *p, const char *pem, int *count, lk_error *err)
{
    char dir[1024];
    LK_TRY(lk_project_keys_dir(p, dir, err));
    return lk_keys_trust(dir, pem, count, err);
}

lk_status lk_signing_tsa(lk_project *p, const char *url, lk_error *err)
{
    char dir[1024];
    LK_TRY(lk_project_keys_dir(p, dir, err));
    return lk_keys_set_tsa(dir, url, err);
}

/* --- show -------------------------------------------------------------------------------------------- */

typedef struct lines {
    lk_line_fn out;
    void *user;
} lines;

static void line(const lines *l, const char *fmt, ...) LK_PRINTF(2, 3);
static void line(const lines *l, const char *fmt, ...)
{
    char text[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->out(l->user, text);
}

static void show_dates(const lines *l, const lk_cert_info *leaf, bool can_rotate)
{
    char from[32], until[32];
    int64_t now = lk_wall_time();
    lk_time_iso(leaf->not_before, from);
    lk_time_iso(leaf->not_after, until);
    const char *remedy = can_rotate ? "renew it: likeness keys rotate" : "ask its issuer for a new one";
    if (now >= leaf->not_after) line(l, "valid         EXPIRED on %.10s; %s", until, remedy);
    else if (now < leaf->not_before)
        line(l, "valid         only from %.10s; is this computer's clock wrong?", from);
    else {
        long long days = (long long)(leaf->not_after - now) / 86400;
        line(l, "valid         %.10s to %.10s, %lld more days%s%s", from, until, days, days < 30 ? "; " : "",
             days < 30 ? remedy : "");
    }
}

static lk_status show_trust(const lk_project *p, const lines *l, lk_error *err)
{
    lk_anchors a;
    lk_cert_info info;
    char hex[LK_HASH_HEX];
    LK_TRY(lk_project_anchors(p, &a, err));
    for (int i = 0; i < a.count; i++) {
        if (lk_cert_read(a.list[i].data, a.list[i].n, &info, NULL) != LK_OK) continue;
        lk_hash_hex(&info.sha256, hex);
        line(l, "trusts        %s (%.16s...)", *info.common_name ? info.common_name : info.subject, hex);
    }
    lk_anchors_clear(&a);
    return LK_OK;
}

lk_status lk_signing_show(lk_project *p, lk_line_fn out, void *user, lk_error *err)
{
    char dir[1024], users[1024], hex[LK_HASH_HEX];
    lines l = {out, user};
    lk_keys_info info;
    LK_TRY(lk_project_keys_dir(p, dir, err));
    if (p && !is_real(dir) && lk_keys_config("keys", users, NULL) == LK_OK && lk_keys_exist(users)) {
        line(&l, "this project has no signing key of its own: the user's is used");
        memcpy(dir, users, sizeof dir);
    }
    if (!lk_keys_exist(dir)) {
        line(&l, "there is no signing key yet%s", p ? ": the first output makes a demo key" : "");
        line(&l, "make a real one with: likeness keys make --name \"Studio X\"");
        return show_trust(p, &l, err);
    }
    LK_TRY(lk_keys_look(dir, &info, err));
    lk_hash_hex(&info.leaf.sha256, hex);
    if (info.demo) {
        line(&l, "DEMO: what is made here says that no real signer stands behind it");
        line(&l, "make a real key with: likeness keys make --name \"Studio X\"");
    }
    line(&l, "signs as      %s%s%s%s", info.leaf.common_name, *info.leaf.organization ? " (" : "",
         info.leaf.organization, *info.leaf.organization ? ")" : "");
    line(&l, "key           %s", info.leaf.key);
    show_dates(&l, &info.leaf, info.can_rotate);
    line(&l, "issued by     %s", info.leaf.issuer);
    line(&l, "serial        %s", info.leaf.serial);
    line(&l, "fingerprint   %s", hex);
    line(&l, "kept in       %s", dir);
    if (info.has_root)
        line(&l, "root          %s/root.pem: give it to those who shall trust what is signed", dir);
    if (info.random_passphrase)
        line(&l, "passphrase    random, in %s: keep a copy, nothing else opens the key",
             info.passphrase_file);
    else line(&l, "passphrase    your own");
    line(&l, "time stamps   %s", *info.tsa ? info.tsa : "off");
    return show_trust(p, &l, err);
}
