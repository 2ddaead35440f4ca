"""What each ibis operation means as a scalar, one file a family: values, conditions, numbers, strings, times, casts."""
