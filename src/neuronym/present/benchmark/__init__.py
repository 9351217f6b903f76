"""The page of a benchmark: one file with tables, plots and everything that was said of every unit."""

from neuronym.present.benchmark.write import check_place, write_benchmark_page

__all__ = ["check_place", "write_benchmark_page"]
