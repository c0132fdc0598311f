# forebay_library(NAME FOLDER [DEPENDS our libraries...] [LINK foreign libraries...])
# One static library `forebay_NAME` of all .cpp files below FOLDER (main.cpp left out). A folder
# without sources makes no target.
function(forebay_library name folder)
  cmake_parse_arguments(arg "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    return()
  endif()
  add_library(forebay_${name} STATIC ${sources})
  target_include_directories(forebay_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_precompile_headers(forebay_${name} PRIVATE
    <algorithm> <cstdint> <functional> <map> <memory> <optional> <string> <string_view>
    <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
  foreach(dependency ${arg_DEPENDS})
    if(TARGET forebay_${dependency})
      target_link_libraries(forebay_${name} PUBLIC forebay_${dependency})
    endif()
  endforeach()
  target_link_libraries(forebay_${name} PUBLIC ${arg_LINK})
endfunction()

# forebay_unit_test(NAME SOURCES... LINK our libraries...): a GoogleTest program, label `unit`.
function(forebay_unit_test name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  foreach(library ${arg_LINK})
    if(NOT TARGET forebay_${library})
      return()
    endif()
  endforeach()
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  foreach(library ${arg_LINK})
    target_link_libraries(${name} PRIVATE forebay_${library})
  endforeach()
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gmock GTest::gtest_main)
  # GoogleTest's macros take twice as long to compile with more.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-Og>)
  target_precompile_headers(${name} PRIVATE
    <algorithm> <cstdint> <functional> <map> <memory> <optional> <random> <string> <vector>
    <fmt/format.h> <gtest/gtest.h>)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()
