# The compiler contract: clang++-19 with libstdc++ 12. g++ 12.2 miscompiles ordinary coroutines (double frees), so it is refused.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles C++20 coroutines (double frees at run time). "
    "Use clang++-19: apt-get install clang-19 libclang-rt-19-dev, then configure with a preset: cmake --preset dev")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(EVENER_FUZZ "Build the libFuzzer programs (needs clang)" OFF)
option(EVENER_WERROR "Warnings are errors" ON)
set(EVENER_SANITIZE "" CACHE STRING "Sanitizers to build with, for example address,undefined or thread")

# Designated initialisers with defaults are how values are written here; clang's -Wextra would ask for every member.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wno-missing-designated-field-initializers)
# Equal seeds give equal bytes only where no two operations are rounded as one. What is built for x86-64 has no fused multiply-add to do that with.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-ffp-contract=off)
endif()
if(EVENER_WERROR)
  add_compile_options(-Werror)
endif()
if(EVENER_SANITIZE)
  add_compile_options(-fsanitize=${EVENER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EVENER_SANITIZE})
endif()
if(EVENER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # Hardening that costs little; the figures in docs/ are measured with it on.
  add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  add_compile_options(-fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
endif()

# What a program did under load says which calls to inline and which way branches go: 13 % fewer instructions per request. `./dev build
# optimised` does both steps; a profile that is older than the code only loses what it said of the functions that changed.
set(EVENER_PROFILE "" CACHE STRING "generate: a program that counts what it does; or the file of a profile to optimise by")
if(EVENER_PROFILE STREQUAL "generate")
  add_compile_options(-fprofile-generate -fprofile-update=atomic)
  add_link_options(-fprofile-generate)
elseif(EVENER_PROFILE)
  add_compile_options(-fprofile-use=${EVENER_PROFILE} -Wno-profile-instr-unprofiled -Wno-profile-instr-out-of-date -Wno-backend-plugin)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
# What is measured and shipped is optimised across files: 5 % fewer instructions per request. mold 1.10 cannot do that for clang 19.
find_program(LLD_PROGRAM ld.lld-19)
find_program(MOLD_PROGRAM mold)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND LLD_PROGRAM AND NOT EVENER_SANITIZE)
  add_compile_options(-flto=thin)
  add_link_options(-flto=thin -fuse-ld=${LLD_PROGRAM} -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache)
  # Archives without an index: lld needs none, and the archiver that CMake finds may be older than the compiler (Debian's "llvm" is of version
  # 14), so that it fails when it looks into the object files.
  set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> qcS <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_APPEND "<CMAKE_AR> qS <TARGET> <LINK_FLAGS> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_FINISH "")
elseif(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(doctest REQUIRED)
find_package(fmt REQUIRED)
find_package(PkgConfig REQUIRED)
