/* test_keys.c: signing identities: made, kept, opened, renewed, refused. */
#include "check.h"
#include "fault.h"
#include "tempdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mark/keys.h"

#define DAY 86400
#define NOW 1800000000

static lk_error err;

static lk_keys_spec studio(void)
{
    return (lk_keys_spec){
        .name = {"Studio X", "Studio X Ltd", "DE"}, .alg = LK_PK_ES256, .root_days = 3650, .leaf_days = 365};
}

static const char *fresh(void)
{
    static int n;
    char name[32];
    snprintf(name, sizeof name, "keys%d", n++);
    return in_tempdir(name);
}

static void put(const char *path, const char *words, mode_t mode)
{
    CHECK_OK(lk_file_write_mode(path, words, strlen(words), mode, &err), &err);
}

static bool signs(const lk_keys *k)
{
    c2pa_signer s;
    uint8_t sig[LK_PK_SIG_MAX];
    size_t n;
    return lk_keys_signer(k, &s, &err) == LK_OK && lk_pk_sign(s.key, "x", 1, sig, &n, &err) == LK_OK &&
           lk_cert_verify(s.chain[0].data, s.chain[0].n, lk_pk_alg_of(s.key), "x", 1, sig, n);
}

/* No file below dir holds a private key in the clear, and none of them may be read by others. */
static void no_clear_keys(const char *dir)
{
    char command[700];
    snprintf(command, sizeof command,
             "grep -rlE 'BEGIN (EC |RSA )?PRIVATE KEY' '%s' && exit 1; "
             "test -z \"$(find '%s' -type f \\( -name '*.key' -o -name signer.pem -o -name passphrase \\) "
             "-perm /077)\"",
             dir, dir);
    CHECK_INT(system(command), 0);
}

static void made_with_a_random_passphrase(void)
{
    const char *dir = fresh();
    lk_keys_spec spec = studio();
    lk_keys_info info;
    lk_keys *k = NULL;
    struct stat st;
    CHECK(!lk_keys_exist(dir), "not yet");
    CHECK_STATUS(lk_keys_open(dir, NULL, &k, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_keys_look(dir, &info, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "likeness keys make"), "%s", err.message);
    CHECK_OK(lk_keys_make(dir, &spec, NULL, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK_STR(info.leaf.common_name, "Studio X");
    CHECK_STR(info.root.common_name, "Studio X root");
    CHECK(info.has_root && info.can_rotate && !info.demo && info.random_passphrase && info.chain_count == 1,
          "as made");
    CHECK(!strncmp(info.passphrase_file, tempdir, strlen(tempdir)) && !strstr(info.passphrase_file, dir),
          "%s", info.passphrase_file);
    CHECK(stat(info.passphrase_file, &st) == 0 && (st.st_mode & 0777) == 0600, "mode %o", st.st_mode);
    no_clear_keys(dir);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK(k && signs(k), "%s", err.message);
    c2pa_signer s;
    CHECK_OK(lk_keys_signer(k, &s, &err), &err);
    CHECK(!s.demo && s.chain_count == 1 && s.anchor_count == 1 && !s.time_stamp, "signer");
    char why[160];
    CHECK_INT(lk_cert_judge(s.chain, s.chain_count, s.anchors, s.anchor_count, lk_wall_time(), why),
              LK_CERT_TRUSTED);
    lk_keys_close(&k);
    CHECK_STATUS(lk_keys_make(dir, &spec, NULL, &err), LK_E_STATE, &err);
    /* A copy of the folder without the configuration signs nothing. */
    CHECK_INT(rename(info.passphrase_file, in_tempdir("away")), 0);
    CHECK_STATUS(lk_keys_open(dir, NULL, &k, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, info.passphrase_file), "%s", err.message);
    CHECK_INT(rename(in_tempdir("away"), info.passphrase_file), 0);
    /* Keys that others may read are not used. */
    char path[400];
    snprintf(path, sizeof path, "%s/signer.pem", dir);
    chmod(path, 0644);
    CHECK_STATUS(lk_keys_open(dir, NULL, &k, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "chmod 600"), "%s", err.message);
    chmod(path, 0600);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    lk_keys_close(&k);
}

typedef struct asker {
    const char *answer;
    int asked;
    bool again;
} asker;

static bool ask(void *user, const char *what, bool again, char out[LK_KEYS_PASSPHRASE_MAX])
{
    asker *a = user;
    a->asked++;
    a->again = again;
    if (!a->answer) return false;
    snprintf(out, LK_KEYS_PASSPHRASE_MAX, "%s", a->answer);
    return true;
}

static void own_passphrases(void)
{
    const char *dir = fresh(), *file = in_tempdir("pass"), *wrong = in_tempdir("wrong");
    lk_keys_spec spec = studio();
    lk_keys_info info;
    lk_keys *k = NULL;
    put(file, "open sesame\nsecond line\n", 0600);
    put(wrong, "open barley\n", 0600);
    spec.alg = LK_PK_EDDSA;
    CHECK_OK(lk_keys_make(dir, &spec, &(lk_keys_pass){.file = file}, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK(!info.random_passphrase && !strcmp(info.leaf.key, "Ed25519"), "%s", info.leaf.key);
    CHECK_STATUS(lk_keys_open(dir, NULL, &k, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "LIKENESS_PASSPHRASE_FILE"), "%s", err.message);
    CHECK_STATUS(lk_keys_open(dir, &(lk_keys_pass){.file = wrong}, &k, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "does not open"), "%s", err.message);
    setenv("LIKENESS_PASSPHRASE_FILE", file, 1);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK(k && signs(k), "by the environment");
    lk_keys_close(&k);
    unsetenv("LIKENESS_PASSPHRASE_FILE");
    asker a = {"open sesame", 0, true};
    CHECK_OK(lk_keys_open(dir, &(lk_keys_pass){.ask = ask, .ask_user = &a}, &k, &err), &err);
    CHECK(a.asked == 1 && !a.again, "asked once");
    lk_keys_close(&k);
    a.answer = NULL;
    CHECK_STATUS(lk_keys_open(dir, &(lk_keys_pass){.ask = ask, .ask_user = &a}, &k, &err), LK_E_MARK, &err);
    chmod(file, 0644);
    CHECK_STATUS(lk_keys_open(dir, &(lk_keys_pass){.file = file}, &k, &err), LK_E_ARG, &err);
    chmod(file, 0600);
    put(wrong, "\n", 0600);
    CHECK_STATUS(lk_keys_open(dir, &(lk_keys_pass){.file = wrong}, &k, &err), LK_E_FORMAT, &err);
    const char *other = fresh();
    a = (asker){"typed", 0, false};
    CHECK_OK(lk_keys_make(other, &spec, &(lk_keys_pass){.ask = ask, .ask_user = &a, .ask_new = true}, &err),
             &err);
    CHECK(a.asked == 1 && a.again, "a new one is typed twice");
    CHECK_OK(lk_keys_open(other, &(lk_keys_pass){.ask = ask, .ask_user = &a}, &k, &err), &err);
    lk_keys_close(&k);
}

static void demo_identity(void)
{
    const char *dir = fresh(), *second = fresh(), *homeless = fresh();
    lk_keys_info info, info2;
    lk_keys *k = NULL;
    c2pa_signer s;
    CHECK_OK(lk_keys_make_demo(dir, &err), &err);
    CHECK_OK(lk_keys_make_demo(dir, &err), &err); /* nothing more happens */
    CHECK_OK(lk_keys_make_demo(second, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK_OK(lk_keys_look(second, &info2, &err), &err);
    CHECK_STR(info.leaf.common_name, "Likeness DEMO key - not a real signer");
    CHECK_STR(info.leaf.organization, "Likeness DEMO");
    CHECK(strstr(info.leaf.issuer, "Likeness DEMO key - not a real signer root"), "%s", info.leaf.issuer);
    CHECK(info.demo, "it says so");
    CHECK(memcmp(&info.root.sha256, &info2.root.sha256, 32), "every project has its own");
    no_clear_keys(dir);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK_OK(lk_keys_signer(k, &s, &err), &err);
    CHECK(s.demo && signs(k), "demo");
    lk_keys_close(&k);
    /* Nobody else may take its name, and a real identity takes its place unasked. */
    lk_keys_spec spec = studio();
    spec.name.common_name = "My likeness demo key";
    CHECK_STATUS(lk_keys_make(dir, &spec, NULL, &err), LK_E_ARG, &err);
    spec = studio();
    CHECK_OK(lk_keys_make(dir, &spec, NULL, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK(!info.demo, "%s", info.leaf.common_name);
    lk_anchors a = {0};
    CHECK_OK(lk_keys_anchors(dir, &a, &err), &err);
    CHECK_INT(a.count, 2); /* what the demo key signed stays readable */
    lk_anchors_clear(&a);
    CHECK_OK(lk_keys_make_demo(dir, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK(!info.demo, "a demo key never takes a real one's place");
    /* Without a home: a demo key still works, a real one asks for a place. */
    char *config = strdup(getenv("XDG_CONFIG_HOME")), *home = strdup(getenv("HOME") ? getenv("HOME") : "");
    setenv("XDG_CONFIG_HOME", "/proc/nowhere", 1);
    CHECK_OK(lk_keys_make_demo(homeless, &err), &err);
    CHECK_OK(lk_keys_open(homeless, NULL, &k, &err), &err);
    CHECK(k && signs(k), "homeless");
    lk_keys_close(&k);
    no_clear_keys(homeless);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("HOME");
    CHECK(lk_keys_make(fresh(), &spec, NULL, &err) == LK_E_ARG, "%s", err.message);
    CHECK(strstr(err.message, "HOME"), "%s", err.message);
    setenv("XDG_CONFIG_HOME", config, 1);
    setenv("HOME", home, 1);
    free(config);
    free(home);
}

static void dates(void)
{
    const char *dir = fresh();
    lk_keys_spec spec = studio();
    lk_keys *k = NULL;
    lk_keys_info before, after;
    c2pa_signer s;
    lk_wall_time_set(NOW);
    CHECK_OK(lk_keys_make(dir, &spec, NULL, &err), &err);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK_OK(lk_keys_signer(k, &s, &err), &err);
    lk_wall_time_set(NOW - 7200);
    CHECK_STATUS(lk_keys_signer(k, &s, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "clock") && !s.key, "%s", err.message);
    lk_wall_time_set(NOW + 366 * DAY);
    CHECK_STATUS(lk_keys_signer(k, &s, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "likeness keys rotate") && !s.key, "%s", err.message);
    lk_keys_close(&k);
    CHECK_OK(lk_keys_look(dir, &before, &err), &err);
    CHECK_OK(lk_keys_rotate(dir, 365, NULL, &err), &err);
    CHECK_OK(lk_keys_look(dir, &after, &err), &err);
    CHECK(memcmp(&before.leaf.sha256, &after.leaf.sha256, 32) &&
              !memcmp(&before.root.sha256, &after.root.sha256, 32),
          "a new leaf");
    CHECK_STR(after.leaf.common_name, "Studio X");
    CHECK_STR(after.leaf.organization, "Studio X Ltd");
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK(k && signs(k), "%s", err.message);
    lk_keys_close(&k);
    lk_anchors a = {0};
    CHECK_OK(lk_keys_anchors(dir, &a, &err), &err);
    CHECK_INT(a.count, 1);
    lk_anchors_clear(&a);
    char path[400];
    snprintf(path, sizeof path, "%s/old", dir);
    CHECK_INT(count_entries(path), 1);
    no_clear_keys(dir);
    lk_wall_time_set(NOW + 3651LL * DAY);
    CHECK_STATUS(lk_keys_rotate(dir, 365, NULL, &err), LK_E_STATE, &err);
    lk_wall_time_set(0);
    CHECK_STATUS(lk_keys_rotate(fresh(), 365, NULL, &err), LK_E_NOTFOUND, &err);
    lk_keys_spec again = studio();
    again.replace = true;
    CHECK_OK(lk_keys_make(dir, &again, NULL, &err), &err);
    CHECK_OK(lk_keys_anchors(dir, &a, &err), &err);
    CHECK_INT(a.count, 2);
    lk_anchors_clear(&a);
}

/* Certificates that another issuer made, with OpenSSL's command. */
static int sh(const char *fmt, const char *a, const char *b)
{
    char command[2000];
    snprintf(command, sizeof command, fmt, a, b);
    return system(command);
}

static void imported(void)
{
    const char *src = in_tempdir("issuer"), *dir = fresh();
    char chain[400], leaf[400], key[400], sealed[400], other[400], alone[400], pass[400];
    lk_keys_info info;
    lk_keys *k = NULL;
    if (system("openssl version >/dev/null 2>&1")) SKIP("there is no openssl command");
    mkdir(src, 0700);
    CHECK_INT(
        sh("cd '%s' && exec 2>/dev/null && "
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.pem "
           "-subj /CN=Issuer -days 99 "
           "-addext keyUsage=critical,keyCertSign && "
           "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout key.pem -out leaf.csr "
           "-subj '/O=Film Y/CN=Film Y' && "
           "printf "
           "'keyUsage=critical,digitalSignature\\nextendedKeyUsage=emailProtection\\nauthorityKeyIdentifier="
           "keyid\\n' > ext && "
           "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 90 -extfile ext -out leaf.pem && "
           "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 90 -out unfit.pem && "
           "cat leaf.pem ca.pem > chain.pem && cat leaf.pem unfit.pem > broken.pem && "
           "openssl pkcs8 -topk8 -in key.pem -passout pass:secret -out sealed.pem && "
           "openssl req -x509 -newkey ed25519 -nodes -keyout other.pem -out alone.pem -subj /CN=me -days 9%s",
           src, ""),
        0);
#define AT(name, file) snprintf(name, sizeof name, "%s/" file, src)
    AT(chain, "chain.pem"), AT(leaf, "leaf.pem"), AT(key, "key.pem"), AT(sealed, "sealed.pem"),
        AT(other, "other.pem"), AT(alone, "alone.pem");
    AT(pass, "pass");
    put(pass, "secret\n", 0600);
    CHECK_OK(lk_keys_import(dir, chain, key, NULL, false, NULL, &err), &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK(info.has_root && !info.can_rotate && info.chain_count == 1, "the root is kept apart: %d",
          info.chain_count);
    CHECK_STR(info.leaf.common_name, "Film Y");
    CHECK_STR(info.leaf.key, "EC P-384");
    no_clear_keys(dir);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK(k && signs(k), "%s", err.message);
    lk_keys_close(&k);
    CHECK_STATUS(lk_keys_rotate(dir, 9, NULL, &err), LK_E_STATE, &err);
    CHECK_STATUS(lk_keys_import(dir, chain, key, NULL, false, NULL, &err), LK_E_STATE, &err);
    CHECK_STATUS(lk_keys_import(dir, leaf, sealed, NULL, true, NULL, &err), LK_E_ARG, &err);
    CHECK(strstr(err.message, "encrypted") && strstr(err.message, sealed), "%s", err.message);
    CHECK_OK(lk_keys_import(dir, leaf, sealed, pass, true, NULL, &err), &err);
    asker a = {"secret", 0, false};
    CHECK_OK(lk_keys_import(dir, leaf, sealed, NULL, true, &(lk_keys_pass){.ask = ask, .ask_user = &a}, &err),
             &err);
    CHECK_OK(lk_keys_look(dir, &info, &err), &err);
    CHECK(!info.has_root, "none was given");
    /* What cannot be used is refused before anything changes. */
    CHECK_STATUS(lk_keys_import(dir, leaf, other, NULL, true, NULL, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_keys_import(dir, alone, other, NULL, true, NULL, &err), LK_E_ARG, &err);
    AT(chain, "unfit.pem");
    CHECK_STATUS(lk_keys_import(dir, chain, key, NULL, true, NULL, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "does not fit"), "%s", err.message);
    AT(chain, "broken.pem");
    CHECK_STATUS(lk_keys_import(dir, chain, key, NULL, true, NULL, &err), LK_E_FORMAT, &err);
    lk_wall_time_set(lk_wall_time() + 91 * DAY);
    CHECK_STATUS(lk_keys_import(dir, leaf, key, NULL, true, NULL, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "expired"), "%s", err.message);
    lk_wall_time_set(0);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK(k && signs(k), "still the old one");
    lk_keys_close(&k);
    /* Trusting the issuer. */
    int n = 0;
    lk_anchors anchors = {0};
    AT(chain, "ca.pem");
    CHECK_OK(lk_keys_anchors(dir, &anchors, &err), &err);
    int had = anchors.count;
    lk_anchors_clear(&anchors);
    CHECK_OK(lk_keys_trust(dir, chain, &n, &err), &err);
    CHECK_OK(lk_keys_trust(dir, chain, &n, &err), &err);
    CHECK_OK(lk_keys_anchors(dir, &anchors, &err), &err);
    CHECK(n == 1 && anchors.count == had + 1, "%d", anchors.count);
    lk_anchors_clear(&anchors);
    CHECK_STATUS(lk_keys_trust(dir, key, &n, &err), LK_E_FORMAT, &err);
    CHECK_STATUS(lk_keys_trust(dir, "/nonexistent.pem", &n, &err), LK_E_NOTFOUND, &err);
    char damaged[400];
    snprintf(damaged, sizeof damaged, "%s/trust/aa.pem", dir);
    put(damaged, "no certificate\n", 0644);
    CHECK_STATUS(lk_keys_anchors(dir, &anchors, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "aa.pem"), "%s", err.message);
    lk_anchors_clear(&anchors);
}

/* A kill between any two steps leaves a whole identity or none, never a signer without its root. */
static void killed(void)
{
    for (int step = 1; step < 12; step++) {
        const char *dir = fresh();
        pid_t pid = fork();
        if (pid == 0) {
            lk_keys_spec spec = studio();
            spec.replace = true;
            lk_fault_set(LK_FAULT_SYNC, step, true); /* sticky: as if the machine stopped there */
            _exit(lk_keys_make(dir, &spec, NULL, NULL) == LK_OK ? 0 : 3);
        }
        int rc = 0;
        waitpid(pid, &rc, 0);
        lk_keys *k = NULL;
        lk_status s = lk_keys_open(dir, NULL, &k, &err);
        CHECK(s == LK_OK || s == LK_E_NOTFOUND, "step %d: %s", step, err.message);
        if (s == LK_OK) CHECK(signs(k), "step %d: %s", step, err.message);
        lk_keys_close(&k);
        lk_keys_spec spec = studio();
        spec.replace = true;
        if (s != LK_OK) CHECK_OK(lk_keys_make(dir, &spec, NULL, &err), &err);
    }
}

static void faults(void)
{
    const char *made = fresh();
    CHECK_OK(lk_keys_make_demo(made, &err), &err);
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_keys *k = NULL;
        c2pa_signer s;
        lk_status st = lk_keys_open(made, NULL, &k, &err);
        if (st == LK_OK) st = lk_keys_signer(k, &s, &err);
        CHECK(st == LK_OK || st == LK_E_NOMEM || st == LK_E_IO, "%d %s", (int)st, err.message);
        CHECK((st == LK_OK) == (k != NULL), "nothing half open");
        lk_keys_close(&k);
    });
    FAULT_LOOP(LK_FAULT_READ, false, {
        lk_keys *k = NULL;
        lk_status st = lk_keys_open(made, NULL, &k, &err);
        CHECK(st == LK_OK || st == LK_E_IO, "%d %s", (int)st, err.message);
        lk_keys_close(&k);
    });
    const char *dir = fresh();
    static const lk_fault_kind kinds[] = {LK_FAULT_ALLOC, LK_FAULT_WRITE, LK_FAULT_SYNC};
    for (size_t i = 0; i < LK_COUNT(kinds); i++)
        FAULT_LOOP_STEP(kinds[i], false, kinds[i] == LK_FAULT_ALLOC ? 7 : 1, {
            lk_keys_spec spec = studio();
            spec.replace = true;
            lk_status st = lk_keys_make(dir, &spec, NULL, &err);
            CHECK(st == LK_OK || st == LK_E_NOMEM || st == LK_E_IO, "%d %s", (int)st, err.message);
        });
    lk_keys *k = NULL;
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    lk_keys_close(&k);
}

static void *make_one(void *dir) { return lk_keys_make_demo(dir, NULL) == LK_OK ? dir : NULL; }

static void first_uses_at_once(void)
{
    char dir[400];
    pthread_t t[4];
    snprintf(dir, sizeof dir, "%s", fresh());
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, make_one, dir);
    for (int i = 0; i < 4; i++) {
        void *ok = NULL;
        pthread_join(t[i], &ok);
        CHECK(ok, "thread %d", i);
    }
    char old[420];
    snprintf(old, sizeof old, "%s/old", dir);
    CHECK_INT(count_entries(old), -1); /* one was made, none put away */
}

/* A time-stamp server on this machine: OpenSSL answers behind Python's http.server. */
static void time_stamps(void)
{
    const char *dir = fresh(), *srv = in_tempdir("tsa");
    char url[64], path[400], script[600];
    lk_keys *k = NULL;
    c2pa_signer s;
    CHECK_OK(lk_keys_make_demo(dir, &err), &err);
    CHECK_STATUS(lk_keys_set_tsa(dir, "ftp://x", &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_keys_set_tsa(dir, "http://", &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_keys_set_tsa(dir, "http://a b", &err), LK_E_ARG, &err);
    CHECK_OK(lk_keys_set_tsa(dir, NULL, &err), &err); /* none: nothing to do */
    if (system("openssl version >/dev/null 2>&1 && python3 -V >/dev/null 2>&1"))
        SKIP("there is no openssl command or python3");
    mkdir(srv, 0700);
    CHECK_INT(
        sh("cd '%s' && exec 2>/dev/null && "
           "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=TSA-root -days 99 "
           "-addext keyUsage=critical,keyCertSign && "
           "openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=TSA && "
           "printf 'keyUsage=critical,digitalSignature\\nextendedKeyUsage=critical,timeStamping\\n' > ext && "
           "openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -days 90 -extfile ext -out tsa.pem && "
           "echo 01 > serial && "
           "printf "
           "'[tsa]\\ndefault_tsa=t\\n[t]\\nserial=serial\\ndigests=sha256\\ndefault_policy=1.2.3.4\\ness_"
           "cert_id_chain=no\\n"
           "ess_cert_id_alg=sha256\\nsigner_digest=sha256\\n' > ts.cnf%s",
           srv, ""),
        0);
    snprintf(script, sizeof script, "%s/server.py", srv);
    put(script,
        "import http.server, subprocess, sys, os\n"
        "os.chdir(os.path.dirname(sys.argv[0]))\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)) if 'Content-Length' in "
        "self.headers else self.chunks()\n"
        "        ok = self.headers['Content-Type'] == 'application/timestamp-query'\n"
        "        open('q', 'wb').write(body)\n"
        "        subprocess.run('openssl ts -reply -queryfile q -config ts.cnf -inkey tsa.key -signer "
        "tsa.pem -out a', shell=True, stderr=subprocess.DEVNULL)\n"
        "        a = open('a', 'rb').read() if ok and self.path == '/tsr' else b'<html>no'\n"
        "        self.send_response(200); self.send_header('Content-Type', 'application/timestamp-reply')\n"
        "        self.send_header('Content-Length', str(len(a))); self.end_headers(); self.wfile.write(a)\n"
        "    def chunks(self):\n"
        "        out = b''\n"
        "        while True:\n"
        "            n = int(self.rfile.readline(), 16); out += self.rfile.read(n); self.rfile.readline()\n"
        "            if not n: return out\n"
        "    def log_message(self, *a): pass\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), H)\n"
        "open('port.new', 'w').write(str(s.server_port)); os.rename('port.new', 'port')\n"
        "s.serve_forever()\n",
        0600);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("python3", "python3", script, (char *)NULL);
        _exit(127);
    }
    void *port = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/port", srv);
    for (int i = 0; i < 300 && lk_file_read(path, 16, &port, &n, NULL) != LK_OK; i++) usleep(100000);
    CHECK(port, "the server did not start");
    snprintf(url, sizeof url, "http://127.0.0.1:%s/tsr", port ? (char *)port : "1");
    CHECK_OK(lk_keys_set_tsa(dir, url, &err), &err);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK_OK(lk_keys_signer(k, &s, &err), &err);
    CHECK(s.time_stamp, "on");
    lk_hash hash = lk_hash_bytes("signature", 9);
    void *question = NULL, *answer = NULL, *token = NULL;
    size_t question_n = 0, answer_n = 0, token_n = 0;
    int64_t when = 0;
    bool trusted = false;
    CHECK_OK(lk_tsa_request(&hash, &question, &question_n, &err), &err);
    CHECK_OK(s.time_stamp(s.time_stamp_user, question, question_n, &answer, &answer_n, &err), &err);
    CHECK_OK(lk_tsa_token(answer, answer_n, &hash, &token, &token_n, &when, &err), &err);
    CHECK(llabs((long long)(when - lk_wall_time())) < 300, "%lld", (long long)when);
    snprintf(path, sizeof path, "%s/ca.pem", srv);
    int count = 0;
    lk_anchors anchors = {0};
    CHECK_OK(lk_keys_trust(dir, path, &count, &err), &err);
    CHECK_OK(lk_keys_anchors(dir, &anchors, &err), &err);
    CHECK_OK(lk_tsa_verify(token, token_n, &hash, anchors.list, anchors.count, &when, &trusted, &err), &err);
    CHECK(trusted, "by the root that the user trusts");
    lk_anchors_clear(&anchors);
    lk_free(answer);
    lk_free(token);
    lk_keys_close(&k);
    /* The wrong page of the server, and no server. */
    snprintf(url, sizeof url, "http://127.0.0.1:%s/", port ? (char *)port : "1");
    for (int i = 0; i < 2; i++) {
        if (i) {
            kill(pid, SIGTERM);
            waitpid(pid, NULL, 0);
        }
        CHECK_OK(lk_keys_set_tsa(dir, url, &err), &err);
        CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
        CHECK_OK(lk_keys_signer(k, &s, &err), &err);
        lk_status st = s.time_stamp(s.time_stamp_user, question, question_n, &answer, &answer_n, &err);
        if (i) CHECK(st == LK_E_IO && strstr(err.message, "does not answer"), "%d %s", (int)st, err.message);
        else
            CHECK(st == LK_OK &&
                      lk_tsa_token(answer, answer_n, &hash, &token, &token_n, &when, &err) == LK_E_FORMAT,
                  "%s", err.message);
        lk_free(answer);
        lk_keys_close(&k);
    }
    CHECK_OK(lk_keys_set_tsa(dir, NULL, &err), &err);
    CHECK_OK(lk_keys_open(dir, NULL, &k, &err), &err);
    CHECK_OK(lk_keys_signer(k, &s, &err), &err);
    CHECK(!s.time_stamp, "off");
    lk_keys_close(&k);
    lk_free(question);
    lk_free(port);
}

static const check_test tests[] = {
    {"made_with_a_random_passphrase", made_with_a_random_passphrase},
    {"own_passphrases", own_passphrases},
    {"demo_identity", demo_identity},
    {"dates", dates},
    {"imported", imported},
    {"killed", killed},
    {"faults", faults},
    {"first_uses_at_once", first_uses_at_once},
    {"time_stamps", time_stamps},
};

int main(int argc, char **argv)
{
    tempdir_make("keys");
    setenv("XDG_CONFIG_HOME", in_tempdir("config"), 1);
    unsetenv("LIKENESS_PASSPHRASE_FILE");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
