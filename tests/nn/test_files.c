/* test_files.c: safetensors, weights and checkpoints: what is written comes back, what is damaged or hostile
 * is refused, and stopping at any moment loses nothing. */
#include "../check.h"
#include "../fault.h"
#include "nn/nn.h"

#include <dirent.h>
#include <unistd.h>

static char folder[256];

static const char *place(const char *name)
{
    static char path[2][400];
    static int turn;
    if (!*folder) {
        snprintf(folder, sizeof folder, "%s/likeness-nn-XXXXXX",
                 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
        if (!mkdtemp(folder)) exit(99);
    }
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int files_in_folder(const char *containing)
{
    place("");
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.' && strstr(e->d_name, containing) != NULL;
    closedir(d);
    return n;
}

static void clean(void)
{
    if (!*folder) return;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') unlink(place(e->d_name));
    closedir(d);
    rmdir(folder);
    *folder = 0;
}

/* --- safetensors --------------------------------------------------------------- */

static void test_round_trip(void)
{
    lk_error err = {0};
    float f[6] = {1, -2, 3.5f, 0, 1e-30f, -1e30f};
    uint16_t b[3] = {0x3f80, 0xc000, 0};
    uint8_t u[5] = {1, 2, 3, 4, 255};
    lk_named_tensor t[] = {
        {.name = "f", .dtype = "F32", .rank = 2, .dim = {2, 3}, .data = f, .bytes = sizeof f},
        {.name = "b", .dtype = "BF16", .rank = 1, .dim = {3}, .data = b, .bytes = sizeof b},
        {.name = "u \"quoted\" \xc3\xa9",
         .dtype = "U8",
         .rank = 3,
         .dim = {1, 5, 1},
         .data = u,
         .bytes = sizeof u},
        {.name = "none", .dtype = "I64", .rank = 2, .dim = {0, 7}, .data = f, .bytes = 0},
        {.name = "scalar", .dtype = "F32", .rank = 0, .data = f + 2, .bytes = 4},
    };
    const char *path = place("round.safetensors");
    CHECK_OK(lk_safetensors_write(path, t, 5, "{\"who\":\"a \\\"test\\\"\",\"data_sha256\":\"false\"}", &err),
             &err);
    lk_safetensors *st;
    CHECK_OK(lk_safetensors_open(path, &st, &err), &err);
    CHECK_INT(lk_safetensors_count(st), 5);
    for (int i = 0; i < 5; i++) {
        const lk_named_tensor *g = lk_safetensors_find(st, t[i].name);
        CHECK(g != NULL, "no %s", t[i].name);
        if (!g) continue;
        CHECK_STR(g->dtype, t[i].dtype);
        CHECK_INT(g->rank, t[i].rank);
        CHECK(!memcmp(g->dim, t[i].dim, sizeof t[i].dim), "%s: other shape", t[i].name);
        CHECK(g->bytes == t[i].bytes && !memcmp(g->data, t[i].data, t[i].bytes), "%s: other data", t[i].name);
    }
    CHECK(lk_safetensors_find(st, "absent") == NULL, "found what is not there");
    CHECK_STR(lk_safetensors_meta(st, "who"), "a \"test\"");
    CHECK(lk_safetensors_meta(st, "data_sha256") && strlen(lk_safetensors_meta(st, "data_sha256")) == 64,
          "no hash of the data");
    lk_safetensors_close(st);

    void *bytes;
    size_t n;
    CHECK_OK(lk_file_read(path, 1 << 20, &bytes, &n, &err), &err);
    CHECK_OK(lk_safetensors_parse(bytes, n, &st, &err), &err);
    CHECK_INT(lk_safetensors_count(st), 5);
    lk_safetensors_close(st);
    for (size_t i = 0; i < n; i++) /* every prefix is refused */
        CHECK_STATUS(lk_safetensors_parse(bytes, i, &st, &err), LK_E_FORMAT, &err);
    for (size_t i = 0; i < n; i++) { /* one bit anywhere: header, names, data, hashes */
        ((uint8_t *)bytes)[i] ^= (uint8_t)(1u << i % 8);
        lk_status s = lk_safetensors_parse(bytes, n, &st, &err);
        if (s == LK_OK) {
            bool sealed = lk_safetensors_meta(st, "header_sha256") && lk_safetensors_meta(st, "data_sha256");
            CHECK(!sealed, "bit %zu flipped, nobody noticed", i);
            lk_safetensors_close(st);
        } else {
            CHECK(s == LK_E_FORMAT, "byte %zu: status %d", i, s);
        }
        ((uint8_t *)bytes)[i] ^= (uint8_t)(1u << i % 8);
    }
    lk_free(bytes);
    t[0].bytes = 20;
    CHECK_STATUS(lk_safetensors_write(path, t, 5, "", &err), LK_E_ARG, &err);
    clean();
}

static lk_status parse(const char *header, uint64_t announced, size_t data, lk_error *err)
{
    size_t h = strlen(header);
    uint8_t *b = calloc(1, 8 + h + data);
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)(announced >> (8 * i));
    memcpy(b + 8, header, h);
    lk_safetensors *st;
    lk_status s = lk_safetensors_parse(b, 8 + h + data, &st, err);
    if (s == LK_OK) lk_safetensors_close(st);
    free(b);
    return s;
}

static void test_hostile(void)
{
    lk_error err = {0};
    static const struct {
        const char *what, *header;
        size_t data;
    } good[] =
        {
            {"plain", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
            {"spaces at the end", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}     ", 8},
            {"two, out of order",
             "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[8,10]},\"a\":{\"dtype\":\"F32\","
             "\"shape\":[2],\"data_offsets\":[0,8]}}",
             10},
            {"empty tensor",
             "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"b\":{\"dtype\":\"U8\","
             "\"shape\":[],\"data_offsets\":[0,1]}}",
             1},
            {"nothing", "{}", 0},
        },
      bad[] = {
          {"empty header", "", 0},
          {"not an object", "[]", 0},
          {"space first", " {}", 0},
          {"overlap",
           "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":"
           "[8],\"data_offsets\":[4,12]}}",
           12},
          {"the same bytes twice",
           "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"U8\",\"shape\":"
           "[8],\"data_offsets\":[0,8]}}",
           8},
          {"hole",
           "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":"
           "[4],\"data_offsets\":[8,12]}}",
           12},
          {"data left over", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9},
          {"beyond the end", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 8},
          {"negative offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8},
          {"end before begin", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8},
          {"fraction", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.5]}}", 9},
          {"too large for a double",
           "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,18446744073709551623]}}", 8},
          {"one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", 8},
          {"no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8},
          {"no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8},
          {"shape is text", "{\"a\":{\"dtype\":\"F32\",\"shape\":\"2\",\"data_offsets\":[0,8]}}", 8},
          {"negative dimension", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8},
          {"dimensions overflow",
           "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,0]}}",
           0},
          {"overflow to zero",
           "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0},
          {"nine dimensions",
           "{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1},
          {"size does not fit type", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4},
          {"unknown type", "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
          {"long type", "{\"a\":{\"dtype\":\"F32F32F32F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
          {"no type", "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8},
          {"entry is a number", "{\"a\":7}", 0},
          {"entry is an array", "{\"a\":[0,8]}", 8},
          {"duplicate name",
           "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":"
           "[1],\"data_offsets\":[1,2]}}",
           2},
          {"metadata not text", "{\"__metadata__\":{\"a\":1}}", 0},
          {"metadata not an object", "{\"__metadata__\":[\"a\"]}", 0},
          {"wrong hash",
           "{\"__metadata__\":{\"data_sha256\":"
           "\"0000000000000000000000000000000000000000000000000000000000000000\"}}",
           0},
          {"hash is no hash", "{\"__metadata__\":{\"data_sha256\":\"zz\"}}", 0},
          {"wrong header hash",
           "{\"__metadata__\":{\"header_sha256\":"
           "\"0000000000000000000000000000000000000000000000000000000000000000\"}}",
           0},
          {"short header hash", "{\"__metadata__\":{\"header_sha256\":\"00\"}}", 0},
          {"trailing text", "{} {}", 0},
          {"NUL in a name", "{\"a\\u0000\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1},
          {"deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0},
      };
    for (size_t i = 0; i < LK_COUNT(good); i++) {
        lk_status s = parse(good[i].header, strlen(good[i].header), good[i].data, &err);
        CHECK(s == LK_OK, "%s: %s", good[i].what, err.message);
    }
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        lk_status s = parse(bad[i].header, strlen(bad[i].header), bad[i].data, &err);
        CHECK(s == LK_E_FORMAT, "%s: status %d", bad[i].what, s);
    }
    static const uint64_t lengths[] = {
        3, 1u << 24, (1u << 24) + 1, UINT64_MAX, UINT64_MAX - 7, (uint64_t)INT64_MAX, 1ull << 32};
    for (size_t i = 0; i < LK_COUNT(lengths); i++)
        CHECK_STATUS(parse("{}", lengths[i], 0, &err), LK_E_FORMAT, &err);
    char *name = calloc(1, 400);
    int at = sprintf(name, "{\"");
    memset(name + at, 'x', 128);
    strcpy(name + at + 128, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    CHECK_STATUS(parse(name, strlen(name), 1, &err), LK_E_FORMAT, &err);
    memmove(name + at + 127, name + at + 128, strlen(name + at + 128) + 1);
    CHECK_STATUS(parse(name, strlen(name), 1, &err), LK_OK, &err);
    free(name);
}

/* --- networks whose state is saved ---------------------------------------------- */

typedef struct run {
    lk_params *params;
    lk_net *net;
    lk_node x;
    lk_optim optim;
} run;

static void begin(run *r, lk_optim_kind kind, int width)
{
    lk_error err = {0};
    CHECK_OK(lk_params_new(&r->params, &err), &err);
    CHECK_OK(lk_net_new(&r->net, "saved", r->params, LK_BACKEND_REF, LK_F32, &err), &err);
    r->x = lk_net_input(r->net, (lk_shape){2, 4, 4, 3}, false);
    lk_node h = lk_net_conv(r->net, "enc.c", r->x, width, 3, 1, LK_ACT_LEAKY, 0.1f);
    h = lk_net_op(r->net, "enc.bn", LK_OP_CHANNEL_NORM, &(lk_op_attr){.momentum = 0.1f}, &h, 1);
    lk_net_output(r->net, lk_net_dense(r->net, "dec.d", h, 3, LK_ACT_NONE, 0), "y");
    CHECK_OK(lk_net_plan(r->net, true, 5, &err), &err);
    CHECK_OK(lk_params_train(r->params, true, &err), &err);
    CHECK_OK(lk_net_bind(r->net, &err), &err);
    r->optim = lk_optim_default(kind);
    r->optim.ema_decay = 0.95f;
    r->optim.lr = 1e-2f;
}

static void end(run *r)
{
    lk_net_free(r->net);
    lk_params_free(r->params);
}

static void step(run *r)
{
    lk_rng g = lk_rng_at(1, 0, 0, (uint64_t)r->optim.t);
    float *x = lk_net_in(r->net, r->x)->data;
    for (int i = 0; i < 96; i++) x[i] = lk_rng_uniform(&g);
    lk_net_forward(r->net);
    const float *y = lk_net_out(r->net, "y")->data;
    float *dy = lk_net_out_grad(r->net, "y")->data;
    for (int i = 0; i < 6; i++) dy[i] = y[i] - x[i];
    lk_params_zero_grad(r->params);
    lk_net_backward(r->net, true);
    lk_optim_step(&r->optim, r->params);
    lk_net_refresh(r->net);
}

static bool same_state(run *a, run *b)
{
    if (a->optim.t != b->optim.t) return false;
    for (int i = 0; i < lk_params_count(a->params); i++) {
        const lk_param *p = lk_params_at(a->params, i), *q = lk_params_at(b->params, i);
        size_t n = (size_t)p->count * 4;
        if (memcmp(p->value, q->value, n) || memcmp(p->m, q->m, n) || memcmp(p->v, q->v, n) ||
            memcmp(p->ema, q->ema, n))
            return false;
    }
    return true;
}

static void test_resume(void)
{
    for (int kind = 0; kind < LK_OPTIM_KINDS; kind++) {
        lk_error err = {0};
        run whole, first, second;
        const char *path = place("resume.ckpt");
        begin(&whole, (lk_optim_kind)kind, 4);
        begin(&first, (lk_optim_kind)kind, 4);
        begin(&second, (lk_optim_kind)kind, 4);
        for (int i = 0; i < 9; i++) step(&whole);
        for (int i = 0; i < 4; i++) step(&first);
        lk_checkpoint_part save = {"gen", first.params, &first.optim},
                           load = {"gen", second.params, &second.optim};
        CHECK_OK(lk_checkpoint_save(path, &save, 1, "{\"cursor\": [4, \"a\\\\b\"]}", 3, &err), &err);
        char *state = NULL;
        CHECK_OK(lk_checkpoint_load(path, &load, 1, &state, &err), &err);
        CHECK_STR(state, "{\"cursor\": [4, \"a\\\\b\"]}");
        lk_free(state);
        CHECK(same_state(&first, &second), "the checkpoint does not restore what was saved");
        lk_net_refresh(second.net);
        for (int i = 0; i < 5; i++) step(&second);
        CHECK(same_state(&whole, &second),
              "optimiser %d: resumed training differs from uninterrupted training", kind);
        CHECK(!same_state(&whole, &first), "the comparison is blind");

        run other; /* another optimiser, another shape, another part: nothing changes */
        begin(&other, (lk_optim_kind)((kind + 1) % LK_OPTIM_KINDS), 4);
        lk_checkpoint_part wrong = {"gen", other.params, &other.optim};
        CHECK_STATUS(lk_checkpoint_load(path, &wrong, 1, NULL, &err), LK_E_ARG, &err);
        end(&other);
        begin(&other, (lk_optim_kind)kind, 5);
        wrong = (lk_checkpoint_part){"gen", other.params, &other.optim};
        CHECK_STATUS(lk_checkpoint_load(path, &wrong, 1, NULL, &err), LK_E_FORMAT, &err);
        wrong.name = "dis";
        CHECK_STATUS(lk_checkpoint_load(path, &wrong, 1, NULL, &err), LK_E_FORMAT, &err);
        CHECK_INT(other.optim.t, 0);
        end(&other);
        end(&whole);
        end(&first);
        end(&second);
        clean();
    }
}

static void test_two_parts(void)
{
    lk_error err = {0};
    run g, d, g2, d2;
    begin(&g, LK_OPTIM_ADAM, 4);
    begin(&d, LK_OPTIM_ADABELIEF, 3);
    begin(&g2, LK_OPTIM_ADAM, 4);
    begin(&d2, LK_OPTIM_ADABELIEF, 3);
    step(&g);
    step(&g);
    step(&d);
    lk_checkpoint_part save[] = {{"gen", g.params, &g.optim}, {"dis", d.params, &d.optim}};
    lk_checkpoint_part load[] = {{"dis", d2.params, &d2.optim}, {"gen", g2.params, &g2.optim}};
    CHECK_OK(lk_checkpoint_save(place("two.ckpt"), save, 2, "", 1, &err), &err);
    CHECK_OK(lk_checkpoint_load(place("two.ckpt"), load, 2, NULL, &err), &err);
    CHECK(same_state(&g, &g2) && same_state(&d, &d2), "two parts do not come back");
    lk_params_swap_ema(g.params);
    CHECK_STATUS(lk_checkpoint_save(place("two.ckpt"), save, 2, "", 1, &err), LK_E_STATE, &err);
    end(&g);
    end(&d);
    end(&g2);
    end(&d2);
    clean();
}

static int64_t steps_in(const char *path)
{
    lk_error err = {0};
    run r;
    begin(&r, LK_OPTIM_ADAM, 4);
    lk_checkpoint_part part = {"gen", r.params, &r.optim};
    lk_status s = lk_checkpoint_load(path, &part, 1, NULL, &err);
    int64_t t = s == LK_OK ? r.optim.t : -1;
    end(&r);
    return t;
}

static void test_generations(void)
{
    lk_error err = {0};
    run r;
    begin(&r, LK_OPTIM_ADAM, 4);
    lk_checkpoint_part part = {"gen", r.params, &r.optim};
    for (int i = 1; i <= 5; i++) {
        step(&r);
        CHECK_OK(lk_checkpoint_save(place("kept.ckpt"), &part, 1, "", 3, &err), &err);
    }
    CHECK_INT(steps_in(place("kept.ckpt")), 5);
    CHECK_INT(steps_in(place("kept.ckpt.1")), 4);
    CHECK_INT(steps_in(place("kept.ckpt.2")), 3);
    CHECK_INT(files_in_folder(""), 3);

    /* Each write and each sync fails in turn: the newest file is the old one or the new one, and no litter
     * stays. */
    int64_t before = 5;
    for (int kind = LK_FAULT_WRITE; kind <= LK_FAULT_SYNC; kind++) {
        step(&r);
        int failures = 0;
        lk_status s = LK_E_IO;
        for (int nth = 1; s != LK_OK && nth < 1000; nth++) {
            lk_fault_set((lk_fault_kind)kind, nth, false);
            s = lk_checkpoint_save(place("kept.ckpt"), &part, 1, "", 3, &err);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            failures += s != LK_OK;
            CHECK(s == LK_OK || s == LK_E_IO, "status %d", s);
            int64_t t = steps_in(place("kept.ckpt"));
            CHECK(t == r.optim.t || (s != LK_OK && t == before),
                  "%d failed: the newest checkpoint is of step %lld", nth, (long long)t);
            CHECK_INT(files_in_folder("tmp"), 0);
        }
        CHECK(s == LK_OK && failures >= 2, "status %d after %d failures", s, failures);
        before = r.optim.t;
    }
    end(&r);
    clean();
}

static void write_bytes(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    fwrite(data, 1, n, f);
    fclose(f);
}

static void test_damage(void)
{
    lk_error err = {0};
    run r;
    begin(&r, LK_OPTIM_ADAM, 4);
    lk_checkpoint_part part = {"gen", r.params, &r.optim};
    const int saves = 3;
    for (int i = 1; i <= saves; i++) {
        step(&r);
        CHECK_OK(lk_checkpoint_save(place("hurt.ckpt"), &part, 1, "{}", 3, &err), &err);
    }
    void *bytes;
    size_t n;
    CHECK_OK(lk_file_read(place("hurt.ckpt"), 1 << 24, &bytes, &n, &err), &err);
    uint8_t *b = bytes;
    lk_rng g = lk_rng_at(77, 0, 0, 0);
    run victim, untouched;
    begin(&victim, LK_OPTIM_ADAM, 4);
    begin(&untouched, LK_OPTIM_ADAM, 4);
    lk_checkpoint_part into = {"gen", victim.params, &victim.optim};
    for (int i = 0; i < 400; i++) {
        size_t at = i < 16 ? (size_t)i : lk_rng_below(&g, (uint32_t)n);
        uint8_t flip = (uint8_t)(1u << lk_rng_below(&g, 8));
        b[at] ^= flip;
        write_bytes(place("hurt.ckpt"), b, n);
        b[at] ^= flip;
        lk_status s = lk_checkpoint_load(place("hurt.ckpt"), &into, 1, NULL, &err);
        CHECK(s == LK_E_FORMAT, "bit flipped in byte %zu of %zu: status %d", at, n, s);
        CHECK(strstr(err.message, "hurt.ckpt.1") != NULL, "the older generation is not named: %s",
              err.message);
    }
    for (int i = 0; i < 40; i++) { /* cut short */
        write_bytes(place("hurt.ckpt"), b, lk_rng_below(&g, (uint32_t)n));
        CHECK_STATUS(lk_checkpoint_load(place("hurt.ckpt"), &into, 1, NULL, &err), LK_E_FORMAT, &err);
    }
    CHECK(same_state(&victim, &untouched), "a refused checkpoint changed something");
    int64_t size = lk_file_size(place("hurt.ckpt"));
    CHECK(size >= 0 && size < (int64_t)n, "the damaged file was replaced");
    unlink(place("hurt.ckpt"));
    write_bytes(place("hurt.ckpt.1"), "x", 1);
    CHECK_STATUS(lk_checkpoint_load(place("hurt.ckpt"), &into, 1, NULL, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "hurt.ckpt.2") != NULL, "the older generation is not named: %s", err.message);
    CHECK_INT(steps_in(place("hurt.ckpt.2")), 1);
    lk_free(bytes);
    end(&r);
    end(&victim);
    end(&untouched);
    clean();
}

static void test_read_faults(void)
{
    lk_error err = {0};
    run r;
    begin(&r, LK_OPTIM_ADAM, 4);
    lk_checkpoint_part part = {"gen", r.params, &r.optim};
    CHECK_OK(lk_checkpoint_save(place("io.ckpt"), &part, 1, "{}", 1, &err), &err);
    for (int kind = LK_FAULT_ALLOC; kind <= LK_FAULT_READ; kind++) {
        FAULT_LOOP((lk_fault_kind)kind, true, {
            lk_status s = lk_checkpoint_load(place("io.ckpt"), &part, 1, NULL, &err);
            CHECK(fault_clean(s), "status %d: %s", s, err.message);
        });
    }
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        lk_status s = lk_checkpoint_save(place("io.ckpt"), &part, 1, "{}", 2, &err);
        CHECK(fault_clean(s), "status %d: %s", s, err.message);
    });
    CHECK_INT(steps_in(place("io.ckpt")), 0);
    end(&r);
    clean();
}

static void test_weights(void)
{
    lk_error err = {0};
    run r, q;
    begin(&r, LK_OPTIM_ADAM, 4);
    begin(&q, LK_OPTIM_ADAM, 4);
    for (int i = 0; i < 3; i++) step(&r);
    CHECK_OK(lk_params_save(r.params, place("w.safetensors"), LK_F32, false, "{\"recipe\":\"none\"}", &err),
             &err);
    CHECK_OK(lk_params_save(r.params, place("e.safetensors"), LK_BF16, true, "", &err), &err);
    lk_safetensors *st;
    int loaded = 0;
    CHECK_OK(lk_safetensors_open(place("w.safetensors"), &st, &err), &err);
    CHECK_OK(lk_params_load(q.params, st, LK_LOAD_EXACT, NULL, NULL, &loaded, &err), &err);
    CHECK_INT(loaded, lk_params_count(q.params));
    for (int i = 0; i < loaded; i++) {
        const lk_param *a = lk_params_at(r.params, i), *b = lk_params_at(q.params, i);
        CHECK(!memcmp(a->value, b->value, (size_t)a->count * 4) &&
                  !memcmp(a->value, b->ema, (size_t)a->count * 4),
              "%s differs", a->name);
    }
    lk_safetensors_close(st);
    CHECK_OK(lk_safetensors_open(place("e.safetensors"), &st, &err), &err);
    CHECK_OK(lk_params_load(q.params, st, LK_LOAD_EXACT, NULL, NULL, &loaded, &err), &err);
    for (int i = 0; i < loaded; i++) {
        const lk_param *a = lk_params_at(r.params, i), *b = lk_params_at(q.params, i);
        for (int64_t k = 0; k < a->count; k++)
            CHECK_NEAR(b->value[k], a->ema[k], fabs(a->ema[k]) / 256 + 1e-9);
    }
    run wide; /* another width: exact refuses and changes nothing, matching takes what fits */
    begin(&wide, LK_OPTIM_ADAM, 5);
    float old = lk_params_find(wide.params, "dec.d.bias")->value[1];
    CHECK_STATUS(lk_params_load(wide.params, st, LK_LOAD_EXACT, NULL, NULL, &loaded, &err), LK_E_FORMAT,
                 &err);
    CHECK(strstr(err.message, "e.safetensors"), "the message names no file: %s", err.message);
    CHECK(lk_params_find(wide.params, "dec.d.bias")->value[1] == old, "a refused load changed something");
    CHECK_OK(lk_params_load(wide.params, st, LK_LOAD_MATCHING, NULL, NULL, &loaded, &err), &err);
    CHECK_INT(loaded, 1); /* the last bias */
    CHECK(lk_params_find(wide.params, "dec.d.bias")->value[1] != old, "nothing was loaded");
    end(&wide);
    lk_safetensors_close(st);

    /* A second decoder starts from the first one's weights. */
    lk_params *p;
    lk_net *net;
    CHECK_OK(lk_params_new(&p, &err), &err);
    CHECK_OK(lk_net_new(&net, "renamed", p, LK_BACKEND_REF, LK_F32, &err), &err);
    lk_node x = lk_net_input(net, (lk_shape){2, 4, 4, 4}, false);
    lk_net_output(net, lk_net_dense(net, "src.d", x, 3, LK_ACT_NONE, 0), "y");
    CHECK_OK(lk_net_plan(net, false, 5, &err), &err);
    CHECK_OK(lk_safetensors_open(place("w.safetensors"), &st, &err), &err);
    CHECK_STATUS(lk_params_load(p, st, LK_LOAD_EXACT, NULL, NULL, &loaded, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "w.safetensors"), "the message names no file: %s", err.message);
    CHECK_OK(lk_params_load(p, st, LK_LOAD_EXACT, "dec.", "src.", &loaded, &err), &err);
    CHECK_INT(loaded, 2);
    CHECK(lk_params_find(p, "src.d.weight")->value[7] == lk_params_find(r.params, "dec.d.weight")->value[7],
          "other weights");
    lk_safetensors_close(st);
    lk_net_free(net);
    lk_params_free(p);
    end(&r);
    end(&q);
    clean();
}

static void test_half_floats(void)
{
    lk_error err = {0};
    static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x0400, 0x0000, 0x3555};
    static const float want[] = {1, -2, 0x1p-24f, -0x1.ff8p-15f, 65504, 0x1p-14f, 0, 0.333251953125f};
    lk_named_tensor t = {.name = "d.bias", .dtype = "F16", .rank = 1, .dim = {8}, .data = half, .bytes = 16};
    CHECK_OK(lk_safetensors_write(place("h.safetensors"), &t, 1, NULL, &err), &err);
    lk_params *p;
    lk_net *net;
    CHECK_OK(lk_params_new(&p, &err), &err);
    CHECK_OK(lk_net_new(&net, "half", p, LK_BACKEND_REF, LK_F32, &err), &err);
    lk_net_output(net,
                  lk_net_dense(net, "d", lk_net_input(net, (lk_shape){1, 1, 1, 2}, false), 8, LK_ACT_NONE, 0),
                  "y");
    CHECK_OK(lk_net_plan(net, false, 5, &err), &err);
    lk_safetensors *st;
    int loaded;
    CHECK_OK(lk_safetensors_open(place("h.safetensors"), &st, &err), &err);
    CHECK_OK(lk_params_load(p, st, LK_LOAD_MATCHING, NULL, NULL, &loaded, &err), &err);
    CHECK_INT(loaded, 1);
    for (int i = 0; i < 8; i++) CHECK_NEAR(lk_params_find(p, "d.bias")->value[i], want[i], 0);
    lk_safetensors_close(st);
    lk_net_free(net);
    lk_params_free(p);
    clean();
}

static const check_test tests[] = {
    {"round_trip", test_round_trip},   {"hostile", test_hostile},         {"resume", test_resume},
    {"two_parts", test_two_parts},     {"generations", test_generations}, {"damage", test_damage},
    {"read_faults", test_read_faults}, {"weights", test_weights},         {"half_floats", test_half_floats},
};
CHECK_MAIN(tests)
