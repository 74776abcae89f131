/* fuzz_safetensors.c: bytes -> reader. Whatever comes in, the reader refuses it or gives tensors whose every byte
 * may be read. Built for libFuzzer (clang -fsanitize=fuzzer) or any driver that calls LLVMFuzzerTestOneInput. */
#include "nn/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lk_safetensors *st;
    lk_error err = {0};
    if (lk_safetensors_parse(data, size, &st, &err) != LK_OK) return 0;
    volatile uint8_t sum = 0;
    for (int i = 0; i < lk_safetensors_count(st); i++) {
        const lk_named_tensor *t = lk_safetensors_at(st, i);
        for (size_t k = 0; k < t->bytes; k++) sum = (uint8_t)(sum + ((const uint8_t *)t->data)[k]);
        if (lk_safetensors_find(st, t->name) != t) __builtin_trap(); /* names are unique, so search finds this one */
    }
    lk_safetensors_meta(st, "format");
    lk_safetensors_close(st);
    return 0;
}
