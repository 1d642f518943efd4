from .web.report.api import report as report
