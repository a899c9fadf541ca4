"""What trained backbones have learnt: effective receptive fields, and how similar their layers are."""

from sparx_dsl.analysis.image_folder import ImageSettings as ImageSettings
from sparx_dsl.analysis.image_folder import image_batches as image_batches
from sparx_dsl.analysis.receptive_field import ReceptiveField as ReceptiveField
from sparx_dsl.analysis.receptive_field import effective_receptive_field as effective_receptive_field
from sparx_dsl.analysis.results import receptive_field_listing as receptive_field_listing
from sparx_dsl.analysis.results import receptive_field_picture as receptive_field_picture
from sparx_dsl.analysis.results import similarity_listing as similarity_listing
from sparx_dsl.analysis.results import similarity_picture as similarity_picture
from sparx_dsl.analysis.similarity import LayerSimilarity as LayerSimilarity
from sparx_dsl.analysis.similarity import layer_similarity as layer_similarity
from sparx_dsl.analysis.subjects import check_device as check_device
from sparx_dsl.render.heat_maps import check_picture as check_picture
