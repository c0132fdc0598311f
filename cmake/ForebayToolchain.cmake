# Compiler flags, ccache, mold and sanitizers for every target.
find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers and several checkouts share one cache.
  set(ccache_environment CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${ccache_environment} ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${ccache_environment} ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -fno-omit-frame-pointer
  $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess> -fdiagnostics-color=always)
# The machines we are built for: x86-64 with AVX2 (2013 and later).
option(FOREBAY_NATIVE "Build for this very processor" OFF)
if(FOREBAY_NATIVE)
  add_compile_options(-march=native)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  add_compile_options(-march=x86-64-v3)
endif()

set(FOREBAY_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
if(FOREBAY_SANITIZE)
  # Without what AddressSanitizer finds as well (accesses through null) or costs too much.
  add_compile_options(-fsanitize=${FOREBAY_SANITIZE} -fno-sanitize-recover=undefined
    -fno-sanitize=null,vptr,object-size,nonnull-attribute,returns-nonnull-attribute)
  add_link_options(-fsanitize=${FOREBAY_SANITIZE})
endif()
