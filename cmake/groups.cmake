# Targets that build a kind of program in one word: `ninja benches`, `ninja fuzzers`. Benchmarks are not part of `all`, because they are
# needed seldom and cost a minute.
get_property(benches GLOBAL PROPERTY EVENER_BENCHES)
get_property(fuzzers GLOBAL PROPERTY EVENER_FUZZERS)
add_custom_target(benches DEPENDS ${benches})
add_custom_target(fuzzers DEPENDS ${fuzzers})
