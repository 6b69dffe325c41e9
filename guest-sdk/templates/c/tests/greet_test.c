/* `make test` runs it. The component is tested by `make smoke`: `toolcell smoke` with the examples in examples/. */
#undef NDEBUG
#include "../src/greet.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct text text(const char *string) {
    return (struct text){string, strlen(string)};
}

static void greets_by_name(void) {
    struct text greeting;
    assert(greet(text(" Ada "), &greeting) == NULL);
    assert(greeting.length == 11 && memcmp(greeting.bytes, "Hello, Ada!", 11) == 0);
    free((void *)greeting.bytes);
}

static void a_blank_name_is_an_error_that_says_what_to_do(void) {
    struct text greeting;
    const struct failure *failure = greet(text(" "), &greeting);
    assert(failure != NULL);
    assert(strcmp(failure->code, "blank_name") == 0);
    assert(strcmp(failure->check_first, "Ask the user whom to greet.") == 0);
}

int main(void) {
    greets_by_name();
    a_blank_name_is_an_error_that_says_what_to_do();
    puts("2 passed");
    return 0;
}
