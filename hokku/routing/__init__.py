"""Dynos and domains become routes: the HAProxy runtime driver."""

from hokku.routing.mesh import Mesh
from hokku.routing.model import AppRoutes, Certificate, Endpoint, Report, RouterReport, RouteState, backend_name

__all__ = ["AppRoutes", "Certificate", "Endpoint", "Mesh", "Report", "RouteState", "RouterReport", "backend_name"]
