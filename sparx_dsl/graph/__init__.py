"""Which layer reads which: the connection rule, the graph that it makes, and what must hold of it."""

from sparx_dsl.graph.build_graph import connect as connect
from sparx_dsl.graph.connection_graph import ConnectionGraph as ConnectionGraph
from sparx_dsl.graph.nodes import Edge as Edge
from sparx_dsl.graph.nodes import Node as Node
from sparx_dsl.graph.verify import verify_graph as verify_graph
